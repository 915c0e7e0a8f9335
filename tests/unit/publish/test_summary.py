"""The summary after a run, read off the console it is printed to."""

import io
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from dagster_project.publish.generation import DATABASE_NAME
from dagster_project.publish.summary import TOP_CUSTOMERS, print_summary

DAY = "2026-09-30"
CUSTOMER = {
    "customer_id": "c1",
    "as_of_date": DAY,
    "name": "Acme",
    "churn_status": "scored",
    "churn_probability": 0.25,
    "predicted_clv_amount": 9876.54,
    "value_at_stake_amount": 12345.67,
    "value_at_risk_amount": 3086.42,
    "reason_1": "Fewer active days",
    "mitigation": "Ask what keeps them from using it",
    "incentive_name": "Account credit",
    "expected_roi_amount": 210.5,
}


def publish(
    folder: Path, customers: list[dict[str, object]], intake: list[tuple[str, str, int, int, int]]
) -> Path:
    """A published database with the two tables that the summary reads."""
    with duckdb.connect(str(folder / DATABASE_NAME)) as connection:
        connection.execute("create schema gold")
        connection.execute(
            "create table gold.customer_360 (customer_id text, as_of_date date, name text, churn_status text,"
            " churn_probability double, predicted_clv_amount decimal(18, 2), value_at_stake_amount decimal(18, 2),"
            " value_at_risk_amount decimal(18, 2),"
            " reason_1 text, mitigation text, incentive_name text, expected_roi_amount decimal(18, 2),"
            " purchase_count bigint, spend_amount decimal(18, 2), days_since_last_purchase bigint,"
            " probability_alive double)"
        )
        connection.execute(
            "create table gold.data_intake"
            " (system text, object text, landed_row_count bigint, quarantined_row_count bigint,"
            " incomplete_row_count bigint)"
        )
        connection.execute(
            "create table gold.revenue_reconciliation"
            " (month_start_date date, line_item text, statement_amount decimal(18, 2));"
            "create table gold.fct_subscription_periods (price_status text, is_current boolean, is_paid boolean);"
            "create table gold.fct_transactions (customer_id text, kind text, transaction_date date,"
            " net_spend_amount decimal(18, 2));"
            "create table gold.fct_visits (customer_id text, visit_date date);"
            "create table gold.fct_loyalty_events (loyalty_event_id text, customer_id text, occurred_at timestamp,"
            " event_date date, points_balance bigint, tier text)"
        )
        for customer in customers:
            row = CUSTOMER | customer
            connection.execute(
                f"insert into gold.customer_360 ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                list(row.values()),
            )
        for entry in intake:
            connection.execute("insert into gold.data_intake values (?, ?, ?, ?, ?)", list(entry))
    return folder


def fill_warehouse(folder: Path, name: str, quarantined: list[str], faults: list[str]) -> None:
    """The rows of an object that were bad, by their reasons, each on its own line from 2 on."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(f"""
            create schema if not exists quarantine;
            create schema if not exists bronze;
            create table quarantine.{name} (source_file text, source_line bigint, column_name text, reason text);
            create table bronze.{name} (_source_file text, _source_line bigint, _faults text)""")
        for line, reason in enumerate(quarantined, start=2):
            row = ["orders.csv", line, reason.partition(":")[0], reason]
            connection.execute(f"insert into quarantine.{name} values (?, ?, ?, ?)", row)
        for line, fault in enumerate([*faults, None], start=2):
            connection.execute(f"insert into bronze.{name} values ('orders.csv', ?, ?)", [line, fault])


def summary(folder: Path) -> str:
    text = io.StringIO()
    print_summary(
        folder, folder / "warehouse.duckdb", DAY, "EUR", Console(file=text, width=200, color_system=None)
    )
    return text.getvalue()


def row_of(printed: str, name: str) -> list[str]:
    (line,) = [line for line in printed.splitlines() if f"│ {name} " in line]
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_every_published_table_is_listed_with_its_rows(tmp_path: Path):
    publish(tmp_path, [{}], [("files", "orders", 5, 0, 0)])
    with duckdb.connect(str(tmp_path / DATABASE_NAME)) as connection:
        connection.execute(
            "insert into gold.customer_360 select one.* from gold.customer_360 as one, range(1233)"
        )
    printed = summary(tmp_path)
    assert row_of(printed, "customer_360") == ["customer_360", "1,234"]
    assert row_of(printed, "data_intake") == ["data_intake", "1"]


def test_a_customer_worth_saving_is_shown_with_risk_value_reason_and_offer(tmp_path: Path):
    printed = summary(publish(tmp_path, [{}], []))
    assert row_of(printed, "Acme") == [
        "Acme", "25%", "12,346", "3,086", "Fewer active days", "Account credit", "210",
    ]  # fmt: skip
    assert "The 1 customers most worth saving on 2026-09-30 (amounts in EUR)" in printed


def test_a_person_whose_name_is_not_published_is_shown_by_the_customer_id(tmp_path: Path):
    printed = summary(publish(tmp_path, [{"name": None}], []))
    assert row_of(printed, "c1")[:2] == ["c1", "25%"]


def test_the_ten_with_most_value_at_risk_come_first_and_ties_by_customer(tmp_path: Path):
    names = ["j", "c", "h", "a", "f", "d", "b", "i", "g", "e", "l", "k"]
    customers = [{"customer_id": name, "name": f"Firm {name}", "value_at_risk_amount": 100} for name in names]
    customers += [{"customer_id": "z", "name": "Firm z", "value_at_risk_amount": 101}]
    printed = summary(publish(tmp_path, customers, []))
    shown = [line.split("│")[1].strip() for line in printed.splitlines() if "│ Firm " in line]
    assert shown == [f"Firm {name}" for name in "zabcdefghi"]
    assert len(shown) == TOP_CUSTOMERS


@pytest.mark.parametrize(
    "unfit",
    [
        {"as_of_date": "2026-09-29"},
        {"churn_status": "not_a_subscriber"},
        {"churn_status": "insufficient_data", "churn_probability": None},
        {"value_at_stake_amount": None, "value_at_risk_amount": None},
    ],
)
def test_other_days_and_customers_without_a_score_are_left_out(unfit: dict[str, object], tmp_path: Path):
    printed = summary(publish(tmp_path, [{}, unfit | {"customer_id": "c2", "name": "Unfit"}], []))
    assert "Acme" in printed
    assert "Unfit" not in printed


def test_without_any_score_it_says_where_to_look(tmp_path: Path):
    printed = summary(publish(tmp_path, [], []))
    assert (
        "No customer has a churn probability on 2026-09-30: see churn_status in gold.customer_360." in printed
    )
    assert "most worth saving" not in printed


def shop(folder: Path, orders: list[tuple[object, ...]]) -> Path:
    """A published database of a shop: customer, kind, day and spend of its orders; some came, and have points."""
    buyer = {
        "churn_status": "not_a_subscriber",
        "churn_probability": None,
        "value_at_risk_amount": None,
        "name": None,
    }
    best = {
        "purchase_count": 12,
        "spend_amount": 500,
        "days_since_last_purchase": 3,
        "probability_alive": 0.876,
    }
    publish(folder, [buyer | best, buyer | {"customer_id": "c2", "predicted_clv_amount": None}], [])
    with duckdb.connect(str(folder / DATABASE_NAME)) as connection:
        for order in orders:
            connection.execute("insert into gold.fct_transactions values (?, ?, ?, ?)", list(order))
        connection.execute("""
            insert into gold.fct_visits values ('c1', '2026-09-30'), ('c1', '2026-09-01'), ('c2', '2026-08-31');
            insert into gold.fct_loyalty_events values
                ('e1', 'c1', '2026-09-01', '2026-09-01', 100, null),
                ('e2', 'c1', '2026-09-02', '2026-09-02', 70, 'gold'),
                ('e1', 'c2', '2026-09-01', '2026-09-01', 1000, 'basic')""")
    return folder


def test_a_shop_reads_of_buyers_orders_returns_and_spend_and_of_no_contracts(tmp_path: Path):
    printed = summary(shop(tmp_path, [
        ("c1", "order", "2026-09-30", 100), ("c1", "refund", "2026-09-30", -30), ("c1", "order", "2026-09-01", 20.5),
        ("c2", "order", "2026-08-31", 50), ("c2", "order", "2025-10-01", 1), ("c2", "order", "2025-09-30", 7),
        ("c2", "order", "2024-10-01", 2), ("c2", "order", "2024-09-30", 1000), ("c2", "order", "2026-09-02", None),
    ]))  # fmt: skip
    assert row_of(printed, "last 30 days")[1:] == ["1", "2", "120.50", "30.00", "90.50", "90.50"]
    assert row_of(printed, "last 365 days")[1:] == ["2", "4", "171.50", "30.00", "141.50", "70.75"]
    assert row_of(printed, "the 365 days before")[1:] == ["1", "2", "9.00", "0.00", "9.00", "9.00"]
    assert row_of(printed, "all days")[1:] == ["2", "7", "1,180.50", "30.00", "1,150.50", "575.25"]
    assert "Visits: 2 of 1 customers in the last 30 days" in printed
    assert "Loyalty: 1,070 points held by 2 customers; basic 1, gold 1" in printed
    assert row_of(printed, "c1") == ["c1", "12", "500.00", "3", "88%", "9,876.54"]
    for word in ("churn probability", "most worth saving", "MRR", "│ fct_subscription_periods"):
        assert word not in printed
    assert "Without a row, as nothing delivered says more: data_intake, fct_subscription_periods" in printed


def test_who_sells_contracts_alone_reads_nothing_of_orders(tmp_path: Path):
    publish(tmp_path, [{}], [])
    with duckdb.connect(str(tmp_path / DATABASE_NAME)) as connection:
        connection.execute("insert into gold.fct_transactions values ('c1', 'invoice', '2026-09-30', 100)")
    printed = summary(tmp_path)
    assert "Orders and returns" not in printed
    assert "of whom most is expected" not in printed


def test_no_reason_and_no_offer_are_said_to_be_missing(tmp_path: Path):
    nothing = {"reason_1": None, "mitigation": None, "incentive_name": None, "expected_roi_amount": None}
    assert row_of(summary(publish(tmp_path, [nothing], [])), "Acme")[4:] == ["-", "none pays", "-"]


def test_where_no_offer_pays_the_summary_says_what_to_do_instead(tmp_path: Path):
    printed = summary(publish(tmp_path, [{"incentive_name": None, "expected_roi_amount": None}], []))
    assert row_of(printed, "Acme")[4:] == ["Fewer active days", "Ask what keeps them from using it", "-"]


def test_bad_rows_are_told_by_kind_and_column_with_one_example(tmp_path: Path):
    comma, late = (
        "amount: '{}' has a decimal comma: map it: replace(amount, ',', '.')",
        "birth_date: '{}' is not a date",
    )
    fill_warehouse(
        tmp_path,
        "files__orders",
        [comma.format("12,50"), comma.format("7,1"), "line has 3 columns, header has 4",
         "line has 5 columns, header has 4", f"customer_ref: required, and empty; {comma.format('1,5')}"],
        [late.format("31.12.1899"), f"{late.format('[bold]')}; csat_rating: 9.0 is above 5"],
    )  # fmt: skip
    fill_warehouse(tmp_path, "zendesk__tickets", [f"status: {'x' * n} is wrong" for n in range(1, 9)], [])
    intake = [
        ("files", "orders", 1200, 5, 2),
        ("stripe", "charges", 99, 0, 0),
        ("zendesk", "tickets", 5000, 8, 0),
    ]
    printed = summary(publish(tmp_path, [{}], intake)).splitlines()
    first, end = (
        next(at for at, line in enumerate(printed) if line.startswith(word)) for word in ("bad", "  and")
    )
    assert printed[first] == "bad rows  8 in quarantine.zendesk__tickets, of 5,000 rows of zendesk tickets:"
    assert printed[end : end + 8] == [
        "  and 2 other kinds",
        "bad rows  5 in quarantine.files__orders and 2 kept without a value, see _faults in bronze.files__orders, of"
        " 1,200 rows of files orders:",
        f"  quarantine  3 x, first in orders.csv line 2: {comma.format('12,50')}",
        "  quarantine  2 x, first in orders.csv line 4: line has 3 columns, header has 4",
        "  quarantine  1 x, first in orders.csv line 6: customer_ref: required, and empty",
        f"  left out  2 x, first in orders.csv line 2: {late.format('31.12.1899')}",
        "  left out  1 x, first in orders.csv line 3: csat_rating: 9.0 is above 5",
        printed[end + 7],
    ]
    assert "charges" not in "\n".join(printed)


def test_bills_that_no_term_explains_and_prices_that_nobody_knows_are_told(tmp_path: Path):
    publish(tmp_path, [CUSTOMER], [])
    with duckdb.connect(str(tmp_path / DATABASE_NAME)) as connection:
        connection.execute("""
            insert into gold.revenue_reconciliation values
                ('2026-04-01', 'unexplained', -5), ('2026-05-01', 'unexplained', 30), ('2026-06-01', 'unexplained', 0),
                ('2026-06-01', 'tax', 19);
            insert into gold.fct_subscription_periods values
                ('not_priceable', true, true), ('not_priceable', false, true), ('priced', true, true)""")
    text = summary(tmp_path)
    assert "bills of 2 months differ from the terms by 25.00 EUR in all, most in 2026-05 (30.00)" in text
    assert "1 current subscription items have neither a price nor a bill" in text
    assert "discount_unknown" not in text


def test_the_path_and_the_next_step_close_the_summary(tmp_path: Path):
    printed = summary(publish(tmp_path, [{}], []))
    assert f"Published: {tmp_path / DATABASE_NAME}\n" in printed
    assert printed.splitlines()[-1].startswith("Next: ")


@pytest.mark.parametrize(
    "name",
    [
        "Acme [bold] Ltd",
        "[ACME] Ltd",
        "[/] Ltd",
        "Acme [/red]",
        "Acme [link=x]",
        "Go :smile: Inc",
        "O'Neil & Søn",
    ],
)
def test_a_name_is_shown_as_it_is_whatever_signs_it_has(name: str, tmp_path: Path):
    printed = summary(publish(tmp_path, [{"name": name}], []))
    assert row_of(printed, name)[0] == name


def test_a_folder_name_with_brackets_is_shown_as_it_is(tmp_path: Path):
    folder = tmp_path / "data [new]"
    folder.mkdir()
    assert f"Published: {folder / DATABASE_NAME}\n" in summary(publish(folder, [{}], []))


def test_a_customer_without_a_name_does_not_stop_the_summary(tmp_path: Path):
    assert "12,346" in summary(publish(tmp_path, [{"name": None}], []))


def test_the_summary_writes_nothing(tmp_path: Path):
    publish(tmp_path, [{}], [])
    before = (tmp_path / DATABASE_NAME).read_bytes()
    summary(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [DATABASE_NAME]
    assert (tmp_path / DATABASE_NAME).read_bytes() == before
