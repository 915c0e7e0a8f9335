"""What a shop's files say came back, from the inbox to gold, line by line: each way of writing it is one refund."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from dbt_in_process import run_dbt
from stripe_account import WRITTEN_BY_PYTHON

from dagster_project.contracts import landing_objects
from dagster_project.ingest.files.drop import land_file_drop
from dagster_project.ingest.landing import write_empty_file

LOADED_AT = dt.datetime(2026, 9, 30, 6)
HEADS = {
    "transactions": "transaction_ref,customer_ref,occurred_at,amount,currency,status,kind",
    "transaction_lines": "transaction_ref,line_number,product_ref,quantity,unit_price_amount",
}
WRITTEN = {  # amount, kind and lines of the refund of two of three cups at 20.00
    "quantity below 0": ("-40", "", ["cup,-2,20.00"]),
    "price below 0": ("-40", "order", ["cup,2,-20.00"]),
    "as it was sold": ("-40", "", ["cup,2,20.00"]),
    "a positive refund": ("40", "refund", ["cup,2,20.00"]),
}
STORIES = {
    **{f"bought, then {name}": (rest, [("cup", -2, -40)]) for name, rest in WRITTEN.items()},
    "a fee that is kept": (("-35", "", ["cup,-2,20.00", "fee,1,5.00"]), [("cup", -2, -40), ("fee", 1, 5)]),
    "a fee beside what was sold": (("-35", "", ["cup,2,20.00", "fee,1,-5.00"]), [("cup", -2, -40), ("fee", 1, 5)]),
    "less than its lines": (("-30", "", ["cup,-2,20.00"]), [("cup", -2, -40), ("unknown", None, 10)]),
    "without lines": (("-40", "", []), [("unknown", None, -40)]),
    "all three come back": (("-60", "", ["cup,-3,20.00"]), [("cup", -3, -60)]),
    "euros": (("-40", "", ["cup,-2,20.00"]), [("cup", -2, -40)]),
}  # fmt: skip


def cup_and_refund(number: int, name: str) -> tuple[list[str], list[str]]:
    """Three cups for 60.00, and what came back a month later."""
    (amount, kind, lines), _ = STORIES[name]
    currency = "EUR" if name == "euros" else "USD"
    transactions = [
        f"o{number},c{number},2026-07-01,60,{currency},paid,order",
        f"r{number},c{number},2026-08-01,{amount},{currency},,{kind}",
    ]
    parts = [
        f"o{number},1,cup,3,20.00",
        *(f"r{number},{place},{line}" for place, line in enumerate(lines, 1)),
    ]
    return transactions, parts


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    data_dir = tmp_path_factory.mktemp("shop")
    rows = [cup_and_refund(number, name) for number, name in enumerate(STORIES)]
    (data_dir / "inbox").mkdir()
    for place, (name, head) in enumerate(HEADS.items()):
        text = "\n".join([head, *(row for story in rows for row in story[place])])
        (data_dir / "inbox" / f"{name}.csv").write_text(text + "\n")
    for name, columns in landing_objects().items():
        write_empty_file(data_dir / "landing", *name.split("__", 1), columns)
    land_file_drop(data_dir / "inbox", data_dir / "landing", LOADED_AT, "USD")
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        connection.execute("create schema silver")
        for table, columns in WRITTEN_BY_PYTHON.items():
            connection.execute(f"create table silver.{table} ({columns})")
        connection.execute(f"""
            insert into silver.customer_identities by name
            select 'files' as system, 'customers' as object, 'c' || n as source_ref, 'c' || n as customer_id
            from range({len(STORIES)}) as numbers (n)""")
    run_dbt(
        data_dir, "build", "--indirect-selection", "empty", "--exclude-resource-type", "unit_test", "--select",
        "+fct_product_ownership", "+fct_transactions", "+fct_transaction_lines", "+revenue_reconciliation",
        "+left_out_rows", "assert_transaction_lines_add_up", "assert_billed_is_settled",
        "assert_revenue_reconciliation_ties_out", "assert_left_out_rows_have_a_reason",
    )  # fmt: skip
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        yield connection


@pytest.mark.parametrize("name", STORIES)
def test_lines_of_a_refund_reach_gold_below_0(warehouse: duckdb.DuckDBPyConnection, name: str):
    customer = f"c{list(STORIES).index(name)}"
    found = warehouse.execute(
        "select replace(product_id, 'files:', ''), quantity, original_total_amount from gold.fct_transaction_lines"
        " where customer_id = ? and transaction_id like 'files:r%' order by line_number",
        [customer],
    ).fetchall()
    assert found == [(*part, Decimal(amount)) for *part, amount in STORIES[name][1]]
    ((net_spend,),) = warehouse.execute(
        "select sum(net_spend_amount) from gold.fct_transactions where customer_id = ?", [customer]
    ).fetchall()
    assert warehouse.execute(
        "select sum(total_amount) from gold.fct_transaction_lines where customer_id = ?", [customer]
    ).fetchall() == [(net_spend,)]


@pytest.mark.parametrize("name", STORIES)
def test_what_came_back_is_not_owned_any_more(warehouse: duckdb.DuckDBPyConnection, name: str):
    back = {product: (quantity or 0, amount) for product, quantity, amount in STORIES[name][1]}
    quantity, amount = back.get("cup", (0, 0))
    found = warehouse.execute(
        "select quantity, is_owned, last_owned_date = '2026-08-01', spend_amount from gold.fct_product_ownership"
        " where customer_id = ? and product_id = 'files:cup'",
        [f"c{list(STORIES).index(name)}"],
    ).fetchall()
    rate = Decimal("1.13") if name == "euros" else 1
    assert found == [(3 + quantity, quantity > -3, quantity == -3, (60 + amount) * rate)]


def test_no_line_is_left_out(warehouse: duckdb.DuckDBPyConnection):
    assert warehouse.execute("select object, reason, row_count from gold.left_out_rows").fetchall() == []
