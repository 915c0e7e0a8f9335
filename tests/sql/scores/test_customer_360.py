"""`customer_360` as the real dbt writes it: whose rows, of which days, and each column out of the table it belongs to.

Every cell of every table that it reads has a value that no other has, so that a column out of the wrong table, of the
wrong customer or day, shows. Not here: what the columns of those tables mean.
"""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import Column, gold_tables

DAY, NEXT_DAY = dt.date(2026, 9, 28), dt.date(2026, 9, 29)
CUSTOMERS = ("c1", "c2", "c3", "c4", "c5", "c6")
NEWCOMER = "newcomer"
"""Known from the next day on, and nothing but that: no profile that could be complete, no day yet, no score."""
ORIGIN_OF = {
    "customer_features": "customer_id as_of_date industry country customer_since_date tenure_days is_subscriber plan"
    " mrr_amount seat_count days_until_renewal is_cancel_at_period_end open_invoice_amount"
    " active_day_last_30_days_count days_since_last_usage ticket_last_90_days_count open_ticket_count"
    " csat_last_180_days_rating nps_rating days_since_last_interaction billing_interval",
    "dim_customer": "name kind email phone parent_customer_id household_id",
    "customer_profile_completeness": "completeness_score completeness_level",
    "fct_customer_daily": "lifecycle_stage",
    "customer_sales": "owner_ref owner_name owner_email open_opportunity_count open_pipeline_amount"
    " won_opportunity_share",
    "customer_rfm": "purchase_count spend_amount days_since_last_purchase r_score f_score m_score rfm_segment",
    "customer_clv": "clv_model=model predicted_clv_amount probability_alive value_tier clv_status=status"
    " predicted_clv_p05_amount predicted_clv_p95_amount value_at_stake_amount value_at_risk_amount",
    "customer_health": "health_status=status health_score health_level health_coverage_share=coverage_share",
    "customer_churn": "churn_status=status churn_probability risk_level risk_percentile risk_ratio"
    " reason_1 reason_2 reason_3 mitigation",
    "customer_incentives": "incentive_status=status incentive_id incentive_name retention_lift"
    " incentive_cost_amount=cost_amount expected_roi_amount incentive_reason=reason",
}
"""Columns of `customer_360` by the table they are of, with the name there where it is another one."""
OF_AN_OFFER = (
    "incentive_id",
    "incentive_name",
    "retention_lift",
    "incentive_cost_amount",
    "expected_roi_amount",
)
WITHOUT_OFFER = CUSTOMERS[-1]
DAY_COLUMN = {"dim_customer": None, "customer_profile_completeness": None, "fct_customer_daily": "date"}
"""The day of a row, where it is not `as_of_date`; none in a table that has one row per customer."""

Row = dict[str, Any]


class Rows(NamedTuple):
    """What a customer has in a table on a day."""

    table: str
    customer_id: str
    day: dt.date


def cells() -> dict[Rows, Row]:
    """A row for each table, customer and day, and in no two columns or rows the same number, text or date.

    A boolean has two values only: the six customers spell out the number of its column.
    """
    cells: dict[Rows, Row] = {}
    booleans = [
        (table, column.name)
        for table in ORIGIN_OF
        for column in gold_tables()[table].columns
        if column.data_type == "boolean"
    ]

    def value(rows: Rows, column: Column) -> Any:
        if column.data_type == "boolean":
            number = booleans.index((rows.table, column.name)) + 1
            return bool(number >> CUSTOMERS.index(rows.customer_id) & 1)
        number = len(cells) * 100 + len(cells[rows])
        by_type = {
            "text": f"{rows.table}.{column.name} of {rows.customer_id}: {number}",
            "date": dt.date(1700, 1, 1) + dt.timedelta(number), "timestamp": dt.datetime(2000, 1, 1),
            "bigint": number, "double": number / 8, "decimal(18,2)": Decimal(number) / 4,
        }  # fmt: skip
        return by_type[column.data_type]

    for table in ORIGIN_OF:
        for customer_id in CUSTOMERS:
            for day in (DAY, NEXT_DAY):
                rows = Rows(table, customer_id, day)
                keys = {"customer_id": customer_id, DAY_COLUMN.get(table, "as_of_date"): day}
                if table == "customer_incentives" and customer_id != WITHOUT_OFFER:
                    keys["status"] = "offer"
                cells[rows] = {}
                for column in gold_tables()[table].columns:
                    cells[rows][column.name] = keys.get(column.name, value(rows, column))
    return cells


CELLS = cells()


def row_of(customer_id: str, day: dt.date, cells: dict[Rows, Row] = CELLS) -> Row:
    """What `customer_360` has to say."""
    row = {}
    for table, names in ORIGIN_OF.items():
        source = cells[Rows(table, customer_id, DAY if DAY_COLUMN.get(table, "") is None else day)]
        for name in names.split():
            column, _, source_column = name.partition("=")
            row[column] = source[source_column or column]
    return row | (dict.fromkeys(OF_AN_OFFER) if customer_id == WITHOUT_OFFER else {})


class Warehouse:
    """A warehouse file that has the tables that `customer_360` reads."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self.path = data_dir, str(data_dir / "warehouse.duckdb")

    def fill(self, table: str, rows: list[Row]) -> None:
        described = ", ".join(f"{column.name} {column.data_type}" for column in gold_tables()[table].columns)
        if table == "customer_clv":  # the value of a year is the one that counts
            other = {"horizon_days": 90, "model": "another horizon", "predicted_clv_amount": Decimal(0)}
            rows = [row | {"horizon_days": 365} for row in rows] + [row | other for row in rows]
        with duckdb.connect(self.path) as connection:
            connection.execute("create schema if not exists gold")
            connection.execute(f"create or replace table gold.{table} ({described})")
            for row in rows:
                marks = ", ".join("?" for _ in row)
                connection.execute(
                    f"insert into gold.{table} ({', '.join(row)}) values ({marks})", list(row.values())
                )

    def run(self, day: dt.date) -> dict[tuple[str, dt.date], Row]:
        """Run a day; every row that the table has afterwards."""
        tables = ("customer_360", "customer_360_latest")
        run_dbt(self.data_dir, "run", "--select", *tables, CUSTINT_RUN_AS_OF_DATE=str(day))
        return self.rows("customer_360")

    def rows(self, table: str) -> dict[tuple[str, dt.date], Row]:
        """The rows of a table by customer and day."""
        with duckdb.connect(self.path) as connection:
            rows = connection.execute(f"from gold.{table}").pl().rows(named=True)
        found = {(row["customer_id"], row["as_of_date"]): row for row in rows}
        assert len(found) == len(rows), "a customer has two rows of one day"
        return found


class Story(NamedTuple):
    """The table after a day, after the next one, and after the first again with what was told of it since."""

    day: dict[tuple[str, dt.date], Row]
    next: dict[tuple[str, dt.date], Row]
    again: dict[tuple[str, dt.date], Row]
    latest: dict[tuple[str, dt.date], Row]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    warehouse = Warehouse(tmp_path_factory.mktemp("customer_360"))
    for table in ORIGIN_OF:
        has_days = DAY_COLUMN.get(table, "") is not None
        rows = [row for rows, row in CELLS.items() if rows.table == table and (has_days or rows.day == DAY)]
        day_column = DAY_COLUMN.get(table, "as_of_date")
        if table == "dim_customer":
            rows.append({"customer_id": NEWCOMER, "name": "Nova"})
        elif day_column == "as_of_date":
            rows.append({"customer_id": NEWCOMER, "as_of_date": NEXT_DAY})
        warehouse.fill(table, rows)
    day, next_day = warehouse.run(DAY), warehouse.run(NEXT_DAY)
    later = [row | {"plan": "told later"} for rows, row in CELLS.items() if rows.table == "customer_features"]
    warehouse.fill("customer_features", later)
    return Story(day, next_day, warehouse.run(DAY), warehouse.rows("customer_360_latest"))


def test_every_column_is_the_one_of_its_table_customer_and_day(story: Story):
    assert story.day.keys() == {(customer_id, DAY) for customer_id in CUSTOMERS}
    for (customer_id, day), found in story.next.items():
        if customer_id != NEWCOMER:
            wanted = row_of(customer_id, day)
            assert {name: found[name] for name in wanted} == wanted


def test_no_column_is_left_out(story: Story):
    columns = [column.name for column in gold_tables()["customer_360"].columns]
    assert list(story.day["c1", DAY]) == columns
    derived = {"next_renewal_date", "arr_amount"}
    assert set(columns) == row_of("c1", DAY).keys() | derived


def test_the_renewal_is_so_many_days_ahead_and_a_year_has_twelve_months(story: Story):
    for (customer_id, day), row in story.next.items():
        if customer_id != NEWCOMER:
            assert row["next_renewal_date"] == day + dt.timedelta(row["days_until_renewal"])
            assert row["arr_amount"] == 12 * row["mrr_amount"]


def test_without_an_offer_nothing_of_one_is_told_but_why_there_is_none(story: Story):
    row = story.next[WITHOUT_OFFER, NEXT_DAY]
    assert [row[name] for name in OF_AN_OFFER] == [None] * 5
    assert row["incentive_status"] and row["incentive_reason"]


def test_the_latest_is_the_newest_day_also_after_an_older_one_was_run_again(story: Story):
    assert story.latest == {key: row for key, row in story.next.items() if key[1] == NEXT_DAY}
    assert len(story.latest) == len(CUSTOMERS) + 1


def test_who_has_no_history_yet_is_there_once_and_empty(story: Story):
    known = {name: value for name, value in story.next[NEWCOMER, NEXT_DAY].items() if value is not None}
    assert known == {"customer_id": NEWCOMER, "as_of_date": NEXT_DAY, "name": "Nova"}
    assert [key for key in story.next if key[0] == NEWCOMER] == [(NEWCOMER, NEXT_DAY)]


def test_a_run_writes_its_day_and_leaves_the_others_as_they_were(story: Story):
    assert {key: row for key, row in story.next.items() if key[1] == DAY} == story.day
    assert story.again == {
        key: row | {"plan": "told later"} if key[1] == DAY else row for key, row in story.next.items()
    }
