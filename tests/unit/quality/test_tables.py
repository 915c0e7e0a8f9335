"""What is noticed of gold and of a day's scores, measured on small warehouses and judged by the suite."""

import datetime as dt
from dataclasses import replace

import duckdb
import pytest

from dagster_project.contracts import Column, Table
from dagster_project.quality.judgement import judge
from dagster_project.quality.tables import RULES, currency_profile, profile_tables

DAY, BEFORE = dt.date(2026, 9, 30), dt.date(2026, 9, 28)


def table(name: str, *grain: str) -> Table:
    columns = (
        Column("customer_id", "text", "", not_null=True),
        Column("as_of_date", "date", "", not_null=True),
        Column("plan", "text", ""),
        Column("spend_amount", "decimal(18, 2)", ""),
        Column("open_invoice_amount", "decimal(18, 2)", ""),
        Column("churn_probability", "double", ""),
        Column("health_score", "double", ""),
    )
    return Table(name, "", columns, ("customer_id", *grain), is_written_by_python=False)


def with_plan(known: Table, **rules: object) -> Table:
    columns = [replace(column, rules=rules) if column.name == "plan" else column for column in known.columns]
    return replace(known, columns=tuple(columns))


SCORES, FACTS, QUEUE = table("customer_churn", "as_of_date"), table("fct_things"), table("review_queue")
ROWS = (
    "select range::varchar as customer_id, date '{day}' as as_of_date, if(range < {planned}, 'pro', null) as plan,"
    " cast({spend} as decimal(18, 2)) as spend_amount, cast({spend} * {open} as decimal(18, 2)) as open_invoice_amount,"
    " {risk} as churn_probability, {health} as health_score from range({count})"
)
USUAL = {"day": DAY, "planned": 150, "spend": 10, "open": 1, "risk": 0.2, "health": 50, "count": 200}
NOTHING: dict[str, object] = {}


def found(known: Table, now: dict[str, object], before: dict[str, object] | None) -> list[tuple[bool, str]]:
    """Findings of a table whose rows are as usual but for what is given; `before` is None where there is nothing."""
    has_days = "as_of_date" in known.grain
    with duckdb.connect() as connection:
        connection.execute("create schema gold; attach ':memory:' as published; create schema published.gold")
        connection.execute(f"create table gold.{known.name} as {ROWS.format(**USUAL | now)}")
        if before is not None:
            old = ROWS.format(**USUAL | ({"day": BEFORE} if has_days else {}) | before)
            connection.execute(
                f"insert into gold.{known.name} {old}"
                if has_days
                else f"create table published.gold.{known.name} as {old}"
            )
        profile = profile_tables(connection, [known], day=DAY, has_published=True)
    return [(finding.is_blocking, finding.line) for finding in judge("gold", profile, RULES).findings]


@pytest.mark.parametrize(
    ("known", "now", "before", "blocks", "words"),
    [
        (SCORES, NOTHING, NOTHING, None, ""),
        (SCORES, NOTHING, None, None, ""),  # the first day of all
        (SCORES, {"count": 0}, None, None, ""),
        (SCORES, {"count": 0}, NOTHING, True, "customer_churn: no row of 2026-09-30, where of 2026-09-28 had 200"),
        (SCORES, {"count": 0}, {"count": 1}, True, "no row"),
        (SCORES, {"count": 0}, {"count": 0}, None, ""),
        (SCORES, {"count": 130, "planned": 100}, NOTHING, False, "130 rows of 2026-09-30, 200 of 2026-09-28"),
        (SCORES, {"count": 40, "planned": 30}, {"count": 90, "planned": 60}, None, ""),  # few move by chance
        (SCORES, {"planned": 125}, NOTHING, False, "plan is empty in 38% of the rows of 2026-09-30, 25% of"),
        (SCORES, {"planned": 135}, NOTHING, None, ""),
        (with_plan(SCORES, of_other_days=True), {"planned": 0}, NOTHING, None, ""),  # a day was left out
        (SCORES, {"spend": 21}, NOTHING, False, "spend_amount sums up to 4,200 of 2026-09-30, 2,000 of"),
        (SCORES, {"spend": 19}, NOTHING, None, ""),
        (SCORES, {"open": 40}, NOTHING, None, ""),  # bills go out on one day of the month
        (SCORES, {"risk": 0.31}, NOTHING, False, "churn_probability is 0.31 on average"),
        (SCORES, {"health": 61}, NOTHING, False, "health_score is 61.00 on average"),
        (SCORES, {"health": 59, "risk": 0.29}, NOTHING, None, ""),
        (FACTS, NOTHING, NOTHING, None, ""),
        (FACTS, NOTHING, None, None, ""),
        (FACTS, NOTHING, {"planned": 0}, False, "plan is empty in 25% of the rows now, 100% published"),
        (with_plan(FACTS, personal="always"), NOTHING, {"planned": 0}, None, ""),  # personal data is published empty
        (FACTS, {"count": 0}, NOTHING, True, "fct_things: no row now, where published had 200"),
        (QUEUE, {"count": 0}, NOTHING, None, ""),  # whoever works through it empties it
        (FACTS, {"count": 310, "planned": 230}, NOTHING, False, "310 rows now, 200 published"),
    ],
)  # fmt: skip
def test_a_table_that_is_far_from_what_it_was_is_noticed(known, now, before, blocks, words):
    lines = found(known, now, before)
    assert [blocking for blocking, _ in lines] == ([] if blocks is None else [blocks]), lines
    assert all(words in line for _, line in lines), lines


def test_a_column_that_is_new_is_compared_with_nothing():
    with duckdb.connect() as connection:
        connection.execute("create schema gold; attach ':memory:' as published; create schema published.gold")
        connection.execute(f"create table gold.fct_things as {ROWS.format(**USUAL)}")
        connection.execute(
            "create table published.gold.fct_things as select customer_id from gold.fct_things"
        )
        profile = profile_tables(connection, [FACTS, QUEUE], day=DAY, has_published=True)
    assert profile["subject"].to_list() == ["fct_things"]


@pytest.mark.parametrize(
    ("currencies", "line"),
    [
        (["EUR", "EUR"], "all amounts are EUR, shown in USD: set CUSTINT_REPORTING_CURRENCY=EUR"),
        (["EUR", "USD"], None),
        (["EUR", "CHF"], None),
        (["USD"], None),
        ([None], None),
        ([], None),
    ],
)
def test_one_lone_other_currency_asks_for_the_setting(currencies, line):
    with duckdb.connect() as connection:
        connection.execute("create schema gold; create table gold.fct_transactions (currency text)")
        for currency in currencies:
            connection.execute("insert into gold.fct_transactions values (?)", [currency])
        judged = judge("gold", currency_profile(connection, "USD"), RULES)
    assert [finding.line.startswith(line or "-") for finding in judged.findings] == ([True] if line else [])
    assert not judged.is_blocking
