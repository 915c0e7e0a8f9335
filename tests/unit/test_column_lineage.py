"""Which columns a column is made of, through all steps of a query."""

from pathlib import Path

import pytest

from dagster_project import column_lineage
from dagster_project.column_lineage import column_sources

COLUMNS = {
    "silver": {
        "bills": {
            "customer_id": "text",
            "amount": "decimal(18,2)",
            "tax": "decimal(18,2)",
            "paid_at": "timestamp",
        },
        "people": {"customer_id": "text", "name": "text"},
    }
}
CUSTOMER, AMOUNT, TAX, NAME, PAID_AT = (
    ("silver", *place.split("."))
    for place in ("bills.customer_id", "bills.amount", "bills.tax", "people.name", "bills.paid_at")
)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "with b as (select * from warehouse.silver.bills), s as (select customer_id, sum(amount - tax) as net,"
            " count(*) as n, 1 as one from b group by customer_id) select * from s",
            {"customer_id": [CUSTOMER], "net": [AMOUNT, TAX], "n": [], "one": []},
        ),
        (
            "select b.customer_id, p.name, arg_max(b.amount, b.paid_at) as last_amount from silver.bills as b"
            " left join silver.people as p on b.customer_id = p.customer_id group by all",
            {"customer_id": [CUSTOMER], "name": [NAME], "last_amount": [AMOUNT, PAID_AT]},
        ),
        (
            "select amount as value from silver.bills union all select tax from silver.bills",
            {"value": [AMOUNT, TAX]},
        ),
    ],
)
def test_columns_are_followed_to_the_tables_that_a_query_reads(sql: str, expected: dict, tmp_path: Path):
    assert column_sources({"query": sql}, COLUMNS, tmp_path / "kept.json") == {"query": expected}


def test_what_was_read_is_read_again_only_when_the_sql_or_a_column_is_another(tmp_path: Path, monkeypatch):
    kept, queries = tmp_path / "kept.json", {"query": "select tax from silver.bills"}
    read, original = [], column_lineage._read_sources
    monkeypatch.setattr(
        column_lineage,
        "_read_sources",
        lambda new, columns: read.append(sorted(new)) or original(new, columns),
    )
    first = column_sources(queries, COLUMNS, kept)
    assert column_sources(queries, COLUMNS, kept) == first
    both = column_sources(queries | {"other": "select name from silver.people"}, COLUMNS, kept)
    assert both == first | {"other": {"name": [NAME]}}
    column_sources(queries, {"silver": {"bills": {"tax": "double"}}}, kept)
    assert read == [["query"], ["other"], ["query"]]


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_damaged_file_is_made_anew_and_sql_that_cannot_be_read_is_left_out(content: str, tmp_path: Path):
    kept = tmp_path / "kept.json"
    kept.write_text(content)
    queries = {"broken": "select from from", "query": "select tax from silver.bills"}
    assert column_sources(queries, COLUMNS, kept) == {"query": {"tax": [TAX]}}
    assert column_sources(queries, COLUMNS, kept) == {"query": {"tax": [TAX]}}
