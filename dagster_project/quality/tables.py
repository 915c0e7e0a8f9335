"""Gold tables as a profile of measures beside what was before, and the suite by which it is judged.

Here: rows, empty values, sums and means. Before is, of a table with days, the day before in the same table; of all
others, what is published. Not here: the judging (`judgement.py`), and the contracts that a table must meet in itself
(`contract_check.py`).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import polars as pl

from dagster_project.contracts import Column, Table
from dagster_project.quality.judgement import Rule

DAY = "as_of_date"
ENOUGH_ROWS = 100  # of fewer, shares and sums move by chance
NEVER_EMPTY = ("fct_", "dim_")  # lists of things to look at may well become empty

_CURRENCIES = """
    select min(currency), max(currency), count(*) from gold.fct_transactions where currency is not null
"""

RULES = (
    Rule(
        "row_count",
        "A table, or a day of it, has rows where the one before had some.",
        "{table}: no row {place}, where {before} had {row_count_before:,}. See what its step read, and run again",
        lowest=1,
        is_blocking=True,
    ),
    Rule(
        "row_count_ratio",
        "The number of rows is between two thirds and one and a half of the one before.",
        "{table}: {row_count_now:,} rows {place}, {row_count_before:,} {before}. If that is no news, look at"
        " what it reads",
        lowest=0.67,
        highest=1.5,
    ),
    Rule(
        "empty_share_change",
        "The share of rows without a value moves by at most a tenth of all rows.",
        "{table}: {column} is empty in {now:.0%} of the rows {place}, {value_before:.0%} {before}. If that is no news,"
        " look at what fills it",
        lowest=-0.1,
        highest=0.1,
    ),
    Rule(
        "sum_ratio",
        "The sum of the amounts, without their signs, is between half and twice the one before. Open amounts are not"
        " looked at: most bills go out on one day of the month.",
        "{table}: {column} sums up to {now:,.0f} {place}, {value_before:,.0f} {before}. If that is no news, look at"
        " what it reads, and at currencies and units",
        lowest=0.5,
        highest=2,
    ),
    Rule(
        "mean_change",
        "The mean of a share, a probability or a score moves by at most a tenth of its scale.",
        "{table}: {column} is {now:.2f} on average {place}, {value_before:.2f} {before}. If that is no news, look at"
        " the features of the day",
        lowest=-0.1,
        highest=0.1,
    ),
    Rule(
        "lone_other_currency_count",
        "Amounts are not converted where all of them have one and the same other currency.",
        "all amounts are {column}, shown in {place}: set CUSTINT_REPORTING_CURRENCY={column}, with another data folder"
        " or after `make clean`",
        highest=0,
    ),
)  # fmt: skip

SCHEMA = {
    "table": pl.String, "subject": pl.String, "column": pl.String, "place": pl.String, "before": pl.String,
    "row_count_now": pl.Int64, "row_count_before": pl.Int64, "now": pl.Float64, "value_before": pl.Float64,
    **{rule.measure: pl.Float64 for rule in RULES},
}  # fmt: skip


@dataclass(frozen=True)
class _Sums:
    """One pass over a table: its rows, and per column how many are empty, the sum and the mean."""

    row_count: int
    values: dict[str, tuple[int, float | None]]  # column: rows with a value; sum of amounts or mean of shares


def profile_tables(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[Table],
    *,
    day: dt.date | None,
    has_published: bool,
) -> pl.DataFrame:
    """Measure gold tables and what was before them.

    Args:
        connection: The warehouse with schema gold; what is published attached as `published`.
        tables: Contracts; of a table that does not exist nothing is measured.
        day: The day of the run; without one, tables with days are not measured.
        has_published: Whether something is attached as `published`.

    Returns:
        One row per table, and one per column that may be empty or can be summed, with the columns of `SCHEMA`.
    """
    places = connection.execute(
        "select database_name = 'published', table_name, list(column_name) from duckdb_columns()"
        " where schema_name = 'gold' and database_name in (current_database(), 'published') group by all"
    ).fetchall()
    columns = {(is_published, name): set(found) for is_published, name, found in places}
    rows: list[dict[str, object]] = []
    for table in tables:
        known = columns.get((False, table.name), set())
        if DAY in table.grain and day is not None:
            before = _day_before(connection, table, day) if known else None
            words = (f"of {day}", f"of {before}")
            where = (f"gold.{table.name} where {DAY} = $day", f"gold.{table.name} where {DAY} = $day")
            days: tuple[dict[str, dt.date], dict[str, dt.date]] = (
                {"day": day},
                {"day": before} if before else {},
            )
        elif DAY not in table.grain and has_published and (True, table.name) in columns:
            # What is personal is published empty: beside the warehouse it would seem to have come back.
            published = columns[True, table.name] - {
                column.name for column in table.columns if column.personal
            }
            known &= published
            words, where = ("now", "published"), (f"gold.{table.name}", f"published.gold.{table.name}")
            days = ({}, {})
            before = day
        else:
            continue
        if not known or (DAY in table.grain and before is None):
            continue
        measured = [column for column in table.columns if column.name in known]
        now = _sums(connection, measured, where[0], days[0])
        then = _sums(connection, measured, where[1], days[1])
        rows += _compared(table, now, then, words)
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in rows], schema=SCHEMA)


def currency_profile(connection: duckdb.DuckDBPyConnection, reporting_currency: str) -> pl.DataFrame:
    """Whether all amounts have one currency that is not the reporting currency.

    Args:
        connection: The warehouse with gold.fct_transactions.
        reporting_currency: Three letters.
    """
    first, last, row_count = connection.execute(_CURRENCIES).fetchall()[0]
    is_lone = row_count > 0 and first == last != reporting_currency
    row = {
        "table": "fct_transactions", "subject": "currency of all amounts", "column": first,
        "place": reporting_currency, "lone_other_currency_count": float(is_lone),
    }  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA}], schema=SCHEMA)


def _day_before(connection: duckdb.DuckDBPyConnection, table: Table, day: dt.date) -> dt.date | None:
    found = connection.execute(
        f"select max({DAY}) from gold.{table.name} where {DAY} < $day", {"day": day}
    ).fetchall()
    before: dt.date | None = found[0][0]
    return before


def _kind(column: Column) -> str:
    """How the values of a column are put together: `sum`, `mean`, or not at all."""
    if column.name.endswith("_amount") and not column.name.startswith("open_"):
        return "sum"
    is_scale = column.unit in ("0-1", "0-100") and not column.data_type.startswith("bigint")
    return "mean" if is_scale else ""


def _sums(
    connection: duckdb.DuckDBPyConnection, columns: list[Column], source: str, days: dict[str, dt.date]
) -> _Sums:
    wanted = [column for column in columns if _kind(column) or not column.not_null]
    how = {"sum": 'sum(abs("{}"))', "mean": 'avg("{}")', "": "null"}
    parts = [
        f'count("{column.name}"), cast({how[_kind(column)].format(column.name)} as double)'
        for column in wanted
    ]
    found = connection.execute(f"select {', '.join(['count(*)', *parts])} from {source}", days).fetchall()[0]
    values = {
        column.name: (found[1 + 2 * place], found[2 + 2 * place]) for place, column in enumerate(wanted)
    }
    return _Sums(found[0], values)


def _compared(table: Table, now: _Sums, then: _Sums, words: tuple[str, str]) -> list[dict[str, object]]:
    common: dict[str, object] = {
        "table": table.name, "place": words[0], "before": words[1],
        "row_count_now": now.row_count, "row_count_before": then.row_count,
    }  # fmt: skip
    must_have_rows = then.row_count and (DAY in table.grain or table.name.startswith(NEVER_EMPTY))
    is_enough = then.row_count >= ENOUGH_ROWS and now.row_count > 0
    rows = [
        common
        | {
            "subject": table.name,
            "row_count": now.row_count if must_have_rows else None,
            "row_count_ratio": now.row_count / then.row_count if is_enough else None,
        }
    ]
    for column in table.columns if is_enough else ():
        # What a column says of other days is empty when these were not run: that is no news about this one.
        if column.name not in now.values or column.rules.get("of_other_days"):
            continue
        (count, value), (count_before, value_before) = now.values[column.name], then.values[column.name]
        base = common | {"column": column.name}
        if not column.not_null:
            empty, empty_before = 1 - count / now.row_count, 1 - count_before / then.row_count
            rows.append(
                base
                | {
                    "subject": f"{table.name} {column.name} empty", "now": empty, "value_before": empty_before,
                    "empty_share_change": empty - empty_before,
                }
            )  # fmt: skip
        if value is None or value_before is None or min(count, count_before) < ENOUGH_ROWS:
            continue
        moved = base | {"now": value, "value_before": value_before}
        if _kind(column) == "sum" and value_before:
            rows.append(
                moved | {"subject": f"{table.name} {column.name} sum", "sum_ratio": value / value_before}
            )
        elif _kind(column) == "mean":
            scale = 100 if column.unit == "0-100" else 1
            rows.append(
                moved
                | {
                    "subject": f"{table.name} {column.name} mean",
                    "mean_change": (value - value_before) / scale,
                }
            )
    return rows
