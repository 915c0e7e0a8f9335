"""Why rows are in quarantine, as it is published: in words of ours, counted, and never with a value of a row."""

import csv
from pathlib import Path

import duckdb
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import bronze_tables
from dagster_project.ingest.files.csv_rows import NOT_UTF8, REASONS
from dagster_project.ingest.text_lines import TOO_LONG
from dagster_project.settings import DBT_DIR

SECRET = "ann@example.com"
SPOKEN = {
    # By the rules of bronze; `test_bronze_quarantine.py` has them all.
    "email: required, and empty": "a required value is empty",
    f"amount: '{SECRET}' is not a number: write digits and a decimal point; status: required, and empty": (
        "it is not a number"
    ),
    f"name: '{SECRET}'; amount: -1 is below 0': '{SECRET}' is not JSON": "it is below the least that is allowed",
    "transaction_ref: duplicate transaction_ref: first seen in line 7": "its key stands in an earlier line too",
    # By what lands files.
    **dict.fromkeys((NOT_UTF8, "not valid UTF-8"), "the line is not UTF-8"),
    **dict.fromkeys(REASONS.values()),
    TOO_LONG: "the line is longer than can be read",
    "line has 1 column, header has 7": "the line has more or fewer columns than the header",
    "row has a value right of the header's 5 columns": "the row has a value right of the header",
    f"not valid JSON: Expecting ',' delimiter: {SECRET}": "the line is not valid JSON",
    "not valid Unicode: half of a character": "the line holds half of a character",
    "amount: a zero byte inside the value: export it again as text": "a value holds a zero byte",
    f"id: '{SECRET}' has lost digits, the spreadsheet has spoilt this id": "a spreadsheet has spoilt the reference",
    "at: '1.1.26' has a year of two digits: export it as 2026-04-30": "its year has two digits",
    "at: '46294' is a spreadsheet's number of a day: format it": "it is a spreadsheet's number of a day",
    "at: '1790000000' counts seconds or milliseconds: map it": "it counts seconds or milliseconds",
    "at: '03/04/1980' may begin with the day or the month: export it": "it may begin with the day or the month",
    "amount: '1,234' may have decimals or be thousands: export it": "it may have decimals or be thousands",
    "amount: '$5' has a currency sign that does not fit: export it": "its currency sign does not fit",
    # By what lands live sources.
    "id: the field is missing": "a required field is not delivered",
    f'items: "{SECRET}" is not an object or a list': "it is no object and no list",
    "created: 7 is not a time as text": "it is not a time",
    "occurred_at: 'soon' is not a timestamp": "it is not a time",
    "seats: 1.5 is not a whole number": "it is not a whole number",
    'active: "x" is not true or false': "it is neither true nor false",
    "name: [1] is not text": "it is not text",
    "updated_at: infinite, or not between the years 1 and 9999": (
        "its date is infinite or of no year that can be written"
    ),
    # By a source of somebody's own.
    f"the moon of {SECRET} is full": "a reason that no rule names",
}
"""What is written into quarantine, and the kind that is published; None where any known kind will do."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """Tickets with a row of each reason, and charges with three of one and one of another."""
    data_dir: Path = tmp_path_factory.mktemp("quarantine")
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        connection.execute("create schema quarantine; create schema gold")
        for name in bronze_tables():
            connection.execute(
                f"create table quarantine.{name}"
                " (source_file text, source_line bigint, column_name text, reason text, loaded_at timestamp)"
            )
        connection.executemany(
            "insert into quarantine.files__tickets values ('tickets.csv', ?, ?, ?, timestamp '2026-10-01')",
            [[line, f"column_{line}", reason] for line, reason in enumerate(SPOKEN)],
        )
        connection.execute("""
            insert into quarantine.stripe__charges values
                ('b.parquet', 2, 'amount', 'amount: -5 is below 0', timestamp '2026-10-02'),
                ('a.parquet', 9, 'amount', 'amount: -7 is below 0; id: required, and empty', timestamp '2026-10-01'),
                ('a.parquet', 12, 'amount', 'amount: -7 is below 0', timestamp '2026-10-01'),
                ('a.parquet', 3, 'id', 'id: required, and empty', timestamp '2026-10-01')
        """)
        connection.execute("""
            create table gold.data_intake as select * from (
                values ('files', 'tickets', 1000, 0), ('stripe', 'charges', 16, 0)
            ) as objects (system, object, landed_row_count, quarantined_row_count)
        """)
        connection.execute("""
            update gold.data_intake set quarantined_row_count = case object
                when 'charges' then 4 else (select count(*) from quarantine.files__tickets) end
        """)
    run_dbt(
        data_dir, "build", "--select", "fault_kinds", "quarantine_reasons", "assert_quarantine_reasons_add_up"
    )
    return duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True)


def test_rows_of_one_reason_are_counted_with_the_first_as_example(published):
    assert published.execute(
        "select column_name, reason, row_count, landed_row_share, source_file, source_line"
        " from gold.quarantine_reasons where system = 'stripe' and object = 'charges' order by row_count desc"
    ).fetchall() == [
        ("amount", "it is below the least that is allowed", 3, 0.1875, "a.parquet", 9),
        ("id", "a required value is empty", 1, 0.0625, "a.parquet", 3),
    ]


@pytest.mark.parametrize("line", range(len(SPOKEN)), ids=list(SPOKEN))
def test_a_reason_is_published_as_its_kind_with_what_to_do(line: int, published):
    expected = list(SPOKEN.values())[line]
    ((reason, what_to_do),) = published.execute(
        f"select reason, what_to_do from gold.quarantine_reasons where column_name = 'column_{line}'"
    ).fetchall()
    assert what_to_do
    if expected:
        assert reason == expected
    else:
        assert reason != "a reason that no rule names"


def test_only_words_of_ours_are_published(published):
    with (DBT_DIR / "seeds" / "fault_kinds.csv").open() as seed:
        kinds = list(csv.DictReader(seed))
    ours = {(kind["reason"], kind["what_to_do"]) for kind in kinds}
    ours |= {("a reason that no rule names", "tell those who keep the pipeline")}
    found = published.execute("select distinct reason, what_to_do from gold.quarantine_reasons").fetchall()
    assert set(found) <= ours
    assert published.execute(
        f"select count(*) from gold.quarantine_reasons where contains(cast(quarantine_reasons as text), '{SECRET}')"
    ).fetchone() == (0,)
