"""The contract check on real tables: silent when all is well, and in words when it is not."""

from collections.abc import Iterator

import duckdb
import pytest

from dagster_project.contracts import Column, Table, gold_tables
from dagster_project.quality.contract_check import contract_violations

MOODS = Table(
    name="customer_moods",
    description="One row per customer and day.",
    columns=(
        Column("customer_id", "text", "Customer.", {"required": True}, not_null=True),
        Column("as_of_date", "date", "Day.", {"required": True}, not_null=True),
        Column("status", "text", "How it went.", {"accepted": ["scored", "don't know"]}),
        Column("churn_probability", "double", "Chance to leave."),
        Column("health_score", "double", "Health."),
        Column("recency_score", "bigint", "Recency.", {"unit": "1-5"}),
        Column("value_amount", "decimal(18,2)", "Value."),
        Column("seen_at", "timestamp", "Last seen."),
        Column("is_active", "boolean", "Active."),
    ),
    grain=("customer_id", "as_of_date"),
    is_written_by_python=True,
)
GOOD_ROW = "('c1', date '2026-09-30', 'scored', 0.5, 50.0, 5, 1.00, timestamp '2026-09-30 10:00:00', true)"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("create schema gold")
        yield opened


def create(connection: duckdb.DuckDBPyConnection, table: Table = MOODS) -> None:
    columns = ", ".join(f"{column.name} {column.data_type}" for column in table.columns)
    connection.execute(f"create table gold.{table.name} ({columns})")


def violations_of(connection: duckdb.DuckDBPyConnection, *rows: str) -> list[str]:
    create(connection)
    connection.execute(f"insert into gold.customer_moods values {', '.join(rows)}")
    return contract_violations(connection, MOODS)


def test_a_table_that_meets_its_contract_has_no_violations(connection: duckdb.DuckDBPyConnection):
    other_day = GOOD_ROW.replace("09-30", "09-29").replace("'scored'", "'don''t know'")
    nothing_known = "('c2', date '2026-09-30', null, null, null, null, null, null, null)"
    assert violations_of(connection, GOOD_ROW, other_day, nothing_known) == []


def test_an_empty_table_meets_its_contract(connection: duckdb.DuckDBPyConnection):
    create(connection)
    assert contract_violations(connection, MOODS) == []


@pytest.mark.parametrize("table", gold_tables().values(), ids=gold_tables().keys())
def test_a_table_made_from_a_gold_contract_meets_it(table: Table, connection: duckdb.DuckDBPyConnection):
    create(connection, table)
    assert contract_violations(connection, table) == []


def test_a_table_that_is_missing_is_said_to_be(connection: duckdb.DuckDBPyConnection):
    connection.execute("create table main.customer_moods (customer_id text)")
    assert contract_violations(connection, MOODS) == ["gold.customer_moods does not exist"]


def test_the_same_table_in_an_attached_database_does_not_count(connection: duckdb.DuckDBPyConnection):
    connection.execute("attach ':memory:' as other")
    connection.execute("create schema other.gold")
    connection.execute("create table other.gold.customer_moods (customer_id text)")
    assert contract_violations(connection, MOODS) == ["gold.customer_moods does not exist"]
    create(connection)
    assert contract_violations(connection, MOODS) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("drop column seen_at", ["contract only ['seen_at TIMESTAMP']", "table only []"]),
        ("add column surprise text", ["contract only []", "table only ['surprise VARCHAR']"]),
        ("rename column status to state", ["['status VARCHAR']", "['state VARCHAR']"]),
        ("alter value_amount type double", ["['value_amount DECIMAL(18,2)']", "['value_amount DOUBLE']"]),
        ("alter value_amount type decimal(18,4)", ["DECIMAL(18,2)", "DECIMAL(18,4)"]),
        ("alter recency_score type integer", ["['recency_score BIGINT']", "['recency_score INTEGER']"]),
        ("alter seen_at type timestamptz", ["['seen_at TIMESTAMP']", "WITH TIME ZONE"]),
    ],
)
def test_other_columns_or_types_are_named(
    change: str, words: list[str], connection: duckdb.DuckDBPyConnection
):
    create(connection)
    connection.execute(f"alter table gold.customer_moods {change}")
    (violation,) = contract_violations(connection, MOODS)
    assert all(word in violation for word in words), violation


def test_columns_in_another_order_are_named(connection: duckdb.DuckDBPyConnection):
    swapped = (MOODS.columns[1], MOODS.columns[0], *MOODS.columns[2:])
    columns = ", ".join(f"{column.name} {column.data_type}" for column in swapped)
    connection.execute(f"create table gold.customer_moods ({columns})")
    (violation,) = contract_violations(connection, MOODS)
    assert "customer_id" in violation
    assert "as_of_date" in violation


@pytest.mark.parametrize(
    ("good", "bad", "violation"),
    [
        ("'c1'", "null", "customer_id is empty in 1 rows"),
        ("date '2026-09-30'", "null", "as_of_date is empty in 1 rows"),
        ("'scored'", "'Scored'", "status has the value 'Scored'"),
        ("'scored'", "''", "status has the value ''"),
        ("0.5", "1.0000001", "churn_probability is outside 0 to 1 in 1 rows"),
        ("0.5", "-0.1", "churn_probability is outside 0 to 1 in 1 rows"),
        ("0.5", "'nan'", "churn_probability is outside 0 to 1 in 1 rows"),
        ("0.5", "'inf'", "churn_probability is outside 0 to 1 in 1 rows"),
        ("50.0", "100.5", "health_score is outside 0 to 100 in 1 rows"),
        ("50.0", "'nan'", "health_score is outside 0 to 100 in 1 rows"),
    ],
)
def test_a_value_that_breaks_a_rule_is_named_with_its_column(
    good: str, bad: str, violation: str, connection: duckdb.DuckDBPyConnection
):
    assert GOOD_ROW.count(good) == 1
    sound = GOOD_ROW.replace("'c1'", "'c0'")
    assert violations_of(connection, sound, GOOD_ROW.replace(good, bad)) == [violation]


@pytest.mark.parametrize(("probability", "score"), [("0", "0"), ("1", "100")])
def test_the_ends_of_a_range_belong_to_it(
    probability: str, score: str, connection: duckdb.DuckDBPyConnection
):
    row = GOOD_ROW.replace("0.5", probability).replace("50.0", score)
    assert violations_of(connection, row) == []


def test_a_number_without_a_known_range_is_free(connection: duckdb.DuckDBPyConnection):
    assert violations_of(connection, GOOD_ROW.replace("5, 1.00", "9999, -9999999.99")) == []


def test_two_rows_of_one_key_are_counted_as_one_broken_key(connection: duckdb.DuckDBPyConnection):
    other = GOOD_ROW.replace("'c1'", "'c2'")
    violations = violations_of(connection, GOOD_ROW, GOOD_ROW, GOOD_ROW, other, other)
    assert violations == ["2 keys (customer_id, as_of_date) stand in more than one row"]


def test_the_key_is_the_whole_grain_not_a_part_of_it(connection: duckdb.DuckDBPyConnection):
    assert violations_of(connection, GOOD_ROW, GOOD_ROW.replace("09-30", "09-29")) == []


def test_all_violations_are_told_at_once(connection: duckdb.DuckDBPyConnection):
    bad = "(null, date '2026-09-30', 'gone', 2, 200, 1, 1, null, null)"
    assert len(violations_of(connection, bad, bad, GOOD_ROW)) == 5


def test_a_strange_value_is_named_once_however_often_it_comes(connection: duckdb.DuckDBPyConnection):
    rows = [GOOD_ROW.replace("'c1'", f"'c{n}'").replace("'scored'", f"'odd{n % 2}'") for n in range(10)]
    assert sorted(violations_of(connection, *rows)) == [
        "status has the value 'odd0'",
        "status has the value 'odd1'",
    ]


def test_a_level_that_the_contract_does_not_have_is_named(connection: duckdb.DuckDBPyConnection):
    health = gold_tables()["customer_health"]
    assert list(health.levels("health_level")) == ["EXCELLENT", "GOOD", "FAIR", "POOR"]
    create(connection, health)
    connection.execute(
        "insert into gold.customer_health by name"
        " select 'c1' as customer_id, date '2026-09-30' as as_of_date, 'scored' as status, 'SPLENDID' as health_level,"
        " 1.0 as coverage_share"
    )
    assert "health_level has the value 'SPLENDID'" in contract_violations(connection, health)
