"""What a person has decided about two records: always one party, or never.

Here: reading and checking the overrides file. Not here: what a decision does (`resolve.py`,
`separation.py`).
"""

import csv
from pathlib import Path

import polars as pl

from dagster_project.identity.groups import label_groups

RULES = ("always_match", "never_match")
PAIR_COLUMNS = ["left_system", "left_object", "left_ref", "right_system", "right_object", "right_ref"]
OVERRIDE_SCHEMA = {"rule": pl.String, **dict.fromkeys(PAIR_COLUMNS, pl.String), "note": pl.String}


class OverrideError(ValueError):
    """An overrides file that cannot be followed; the message says what, where and what to do."""


def no_overrides() -> pl.DataFrame:
    """An empty frame of overrides."""
    return pl.DataFrame(schema={**OVERRIDE_SCHEMA, "line": pl.Int64})


def read_overrides(path: Path) -> pl.DataFrame:
    """Read the overrides file.

    Args:
        path: CSV file with a header: `rule` (always_match or never_match), `left_system`, `left_object`,
            `left_ref`, `right_system`, `right_object`, `right_ref`, and optionally `note`. It need not
            exist.

    Returns:
        One row per override: these columns and `line`, its line in the file.

    Raises:
        OverrideError: When the file cannot be read as that, or says that two records always and never
            match.
    """
    if not path.exists():
        return no_overrides()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise OverrideError(
            f"{path.name} is not a UTF-8 CSV file ({error}): save it as CSV, UTF-8"
        ) from error
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        return no_overrides()
    header = lines[0][1]
    missing = [column for column in ("rule", *PAIR_COLUMNS) if column not in header]
    unknown = [column for column in header if column not in OVERRIDE_SCHEMA]
    if missing:
        raise OverrideError(f"{path.name}, line {lines[0][0]}: the header lacks {', '.join(missing)}: add it")
    if unknown or len(set(header)) < len(header):
        raise OverrideError(
            f"{path.name}, line {lines[0][0]}: the header may have {', '.join(OVERRIDE_SCHEMA)}, each once:"
            " remove the rest"
        )
    rows = [_read_line(path.name, number, header, cells) for number, cells in lines[1:]]
    overrides = pl.DataFrame(rows, schema=no_overrides().schema, orient="row")
    _refuse_contradictions(path.name, overrides)
    return overrides


def _read_line(name: str, number: int, header: list[str], cells: list[str]) -> dict[str, object]:
    if len(cells) != len(header):
        raise OverrideError(
            f"{name}, line {number}: {len(cells)} values for {len(header)} columns: add or quote commas"
        )
    row = dict(zip(header, cells, strict=True))
    if row["rule"] not in RULES:
        raise OverrideError(f"{name}, line {number}: rule is {row['rule']!r}: write {' or '.join(RULES)}")
    empty = [column for column in PAIR_COLUMNS if not row[column]]
    if empty:
        raise OverrideError(f"{name}, line {number}: {', '.join(empty)} is empty: name both records in full")
    if [row[column] for column in PAIR_COLUMNS[:3]] == [row[column] for column in PAIR_COLUMNS[3:]]:
        raise OverrideError(f"{name}, line {number}: both sides are the same record: name two records")
    return {**row, "note": row.get("note") or None, "line": number}


def _refuse_contradictions(name: str, overrides: pl.DataFrame) -> None:
    """Refuse a pair that never matches although a chain of other lines always joins it."""
    sides = overrides.select(
        "rule",
        "line",
        left=pl.concat_str(list(PAIR_COLUMNS[:3]), separator="\x1f"),
        right=pl.concat_str(list(PAIR_COLUMNS[3:]), separator="\x1f"),
    )
    numbers = (
        pl.concat([sides.get_column("left"), sides.get_column("right")])
        .alias("record")
        .unique()
        .sort()
        .to_frame()
        .with_row_index("number")
        .with_columns(pl.col("number").cast(pl.Int64))
    )
    numbered = sides.join(numbers.rename({"record": "left", "number": "a"}), on="left", validate="m:1").join(
        numbers.rename({"record": "right", "number": "b"}), on="right", validate="m:1"
    )
    always = numbered.filter(pl.col("rule") == "always_match")
    key = pl.col("line").cast(pl.String).alias("key")
    labels = label_groups(pl.concat([always.select(pl.col(end).alias("group"), key) for end in ("a", "b")]))
    refused = (
        numbered.filter(pl.col("rule") == "never_match")
        .join(labels.rename({"group": "a"}), on="a", validate="m:1")
        .join(labels.rename({"group": "b"}), on=["b", "label"], validate="m:1")
        .sort("line")
    )
    if not refused.is_empty():
        raise OverrideError(
            f"{name}, line {refused.item(0, 'line')}: the two records never match, but other lines always join them:"
            " remove one of the two"
        )
