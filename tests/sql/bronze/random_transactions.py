"""Random landing rows of transactions: cells whose fate is known, and noise. Not here: what is asserted of them."""

import datetime as dt
import random
from decimal import Decimal
from typing import Any

from bronze_rows import TRANSACTION

from dagster_project.contracts import landing_objects

# Cells of files__transactions with the typed value that each must become, or None for "quarantine".
CellPool = list[tuple[str | None, Any]]
OK_EMPTY = object()
REFERENCES: CellPool = [(" ", None), ("", None), (None, None)]
CUSTOMERS: CellPool = [("c1", "c1"), (" c2 ", "c2"), ("ü-3", "ü-3")] * 8 + [("", None), (None, None)]
MOMENTS: CellPool = [
    ("2026-09-30T10:00:00Z", dt.datetime(2026, 9, 30, 10)),
    ("2026-09-30 10:00:00.123456", dt.datetime(2026, 9, 30, 10, 0, 0, 123456)),
    ("2025-10-26T02:30:00+02:00", dt.datetime(2025, 10, 26, 0, 30)),
    ("2025-10-26T02:30:00+01:00", dt.datetime(2025, 10, 26, 1, 30)),
    ("1999-12-31", dt.datetime(1999, 12, 31)),
    (" 2026-1-2", dt.datetime(2026, 1, 2)),
] * 6 + [
    ("02/01/2026", None),
    ("2026-13-01", None),
    ("9999-12-31", None),
    ("now", None),
    ("", None),
    ("1970-01-01", None),
    ("2026-10-25", None),
]
AMOUNTS: CellPool = [
    ("12.50", Decimal("12.50")),
    ("0", Decimal("0.00")),
    ("1e3", Decimal("1000.00")),
    (" 7 ", Decimal("7.00")),
    ("0.1", Decimal("0.10")),
    ("-0.01", Decimal("-0.01")),
    ("1000000000", Decimal("1000000000.00")),
] * 6 + [
    ("-1000000000.01", None),
    ("1000000000.01", None),
    ("1e30", None),
    ("NaN", None),
    ("1,0", None),
    ("$5", None),
    (None, None),
]
CURRENCIES: CellPool = [
    ("EUR", "EUR"),
    ("usd", "USD"),
    (" gbp ", "GBP"),
    ("", OK_EMPTY),
    (None, OK_EMPTY),
] * 6 + [
    ("EURO", None),
    ("E", None),
    ("'; drop table", None),
]
STATUSES: CellPool = [("paid", "paid"), (" open ", "open"), ("", OK_EMPTY), (None, OK_EMPTY)] * 8 + [
    ("PAID", None)
]
KINDS: CellPool = [("order", "order"), ("refund", "refund"), ("", OK_EMPTY)] * 10 + [
    ("gift", None),
    ("order,", None),
]
KNOWN_ROWS, NOISE_ROWS, SEED = 3000, 2000, 20260930
NOISE_ALPHABET = "0123456789.-+eE:T Z/'\"\\{}[],;%$äß\t\n\u00a0\u200b日NaN"


def random_rows(first_line: int) -> tuple[list[dict[str, Any]], dict[int, tuple[Any, ...]]]:
    """Rows of random cells, and what must become of those that are kept, by line."""
    generator = random.Random(SEED)
    pools = [CUSTOMERS, MOMENTS, AMOUNTS, CURRENCIES, STATUSES, KINDS]
    fields = ["customer_ref", "occurred_at", "amount", "currency", "status", "kind"]
    rows: list[dict[str, Any]] = []
    kept: dict[int, tuple[Any, ...]] = {}
    seen: set[str] = set()
    for line in range(first_line, first_line + KNOWN_ROWS):
        reference = f"r{generator.randrange(KNOWN_ROWS * 4)}"
        key_cell = generator.choice(REFERENCES) if generator.random() < 0.03 else (f" {reference}", reference)
        cells = [key_cell, *(generator.choice(pool) for pool in pools)]
        row = dict(zip(["transaction_ref", *fields], (text for text, _ in cells), strict=True))
        rejected = generator.random() < 0.02
        reason = "line has 3 columns, header has 9" if rejected else None
        rows.append(row | {"_source_line": line, "_reject_reason": reason})
        values = tuple(value for _, value in cells)
        if not rejected and None not in values and values[0] not in seen:
            seen.add(values[0])
            kept[line] = tuple(None if value is OK_EMPTY else value for value in values)
    return rows, kept


def noise_rows(first_line: int) -> list[dict[str, Any]]:
    generator = random.Random(SEED + 1)

    def cell() -> str | None:
        length = generator.randrange(9)
        return None if length == 8 else "".join(generator.choice(NOISE_ALPHABET) for _ in range(length))

    fields = list(landing_objects()["files__transactions"])
    return [
        {"_source_line": line}
        | {field: cell() if generator.random() < 0.5 else TRANSACTION.get(field) for field in fields}
        for line in range(first_line, first_line + NOISE_ROWS)
    ]
