"""What a person wants to read after a run, from the published file; what was wrong with rows, from the warehouse."""

from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dagster_project.databases import connect
from dagster_project.publish.generation import DATABASE_NAME
from dagster_project.publish.row_faults import fault_kinds
from dagster_project.publish.trade import print_trade

TOP_CUSTOMERS = 10
KINDS_SHOWN = 6

_MOST_WORTH_SAVING = """
    select
        coalesce(name, customer_id), churn_probability, value_at_stake_amount, value_at_risk_amount,
        reason_1, coalesce(incentive_name, mitigation), if(incentive_name is null, null, expected_roi_amount)
    from gold.customer_360
    where as_of_date = ? and churn_status = 'scored' and value_at_risk_amount is not null
    order by value_at_risk_amount desc, customer_id
    limit ?
"""

# Where nobody has ever had a contract there is none to leave.
_BUYERS_ALONE = """
    select count(*) > 0 and bool_and(churn_status = 'not_a_subscriber') from gold.customer_360 where as_of_date = ?
"""

_UNEXPLAINED = """
    select count(*), sum(statement_amount), strftime(arg_max(month_start_date, abs(statement_amount)), '%Y-%m'),
        arg_max(statement_amount, abs(statement_amount))
    from gold.revenue_reconciliation
    where line_item = 'unexplained' and statement_amount <> 0
"""
_WITHOUT_PRICE = """
    select price_status, count(*) from gold.fct_subscription_periods
    where is_current and is_paid and price_status in ('not_priceable', 'discount_unknown')
    group by price_status order by price_status
"""
_WITHOUT_PRICE_WORDS = {
    "not_priceable": "neither a price nor a bill: their recurring revenue is empty",
    "discount_unknown": "a discount that nobody shows: their recurring revenue is without it",
}


def print_summary(
    published_dir: Path, warehouse: Path, as_of_date: str, reporting_currency: str, console: Console
) -> None:
    """Tables with their rows, the customers most worth saving, and what to type next."""
    path = published_dir / DATABASE_NAME
    with connect(path, read_only=True) as connection:
        names = [
            name
            for (name,) in connection.execute("select table_name from duckdb_tables() order by 1").fetchall()
        ]
        counts = {
            name: connection.execute(f"select count(*) from gold.{name}").fetchall()[0][0] for name in names
        }
        customers = connection.execute(_MOST_WORTH_SAVING, [as_of_date, TOP_CUSTOMERS]).fetchall()
        are_buyers_alone = connection.execute(_BUYERS_ALONE, [as_of_date]).fetchall()[0][0]
        unexplained = connection.execute(_UNEXPLAINED).fetchall()[0]
        without_price = connection.execute(_WITHOUT_PRICE).fetchall()
        quarantined = connection.execute(
            "select system || '__' || object, quarantined_row_count, incomplete_row_count, landed_row_count"
            " from gold.data_intake where quarantined_row_count + incomplete_row_count > 0 order by 2 desc, 3 desc, 1"
        ).fetchall()
    _print_counts(console, counts)
    for name, row_count, incomplete, landed in quarantined:
        _print_faults(console, warehouse, name, (row_count, incomplete, landed))
    _print_revenue_gaps(console, unexplained, without_price, reporting_currency)
    if customers:
        _print_customers(console, customers, as_of_date, reporting_currency)
    elif not are_buyers_alone:
        console.print(
            f"\nNo customer has a churn probability on {as_of_date}: see churn_status in gold.customer_360."
        )
    with connect(path, read_only=True) as connection:
        print_trade(connection, as_of_date, reporting_currency, console)
    console.print(Text("\nPublished: ").append(str(path), style="bold"), soft_wrap=True)
    console.print(
        "Next: query it (README, 'A tour of gold'), or `make ui` for the graph, the runs and the schedule."
    )


def _print_counts(console: Console, counts: dict[str, int]) -> None:
    table = Table(title="Published gold", title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    for name, row_count in counts.items():
        if row_count:
            table.add_row(name, f"{row_count:,}")
    console.print(table)
    empty = [name for name, row_count in counts.items() if not row_count]
    if empty:
        console.print(f"Without a row, as nothing delivered says more: {', '.join(empty)}", soft_wrap=True)


def _print_faults(console: Console, warehouse: Path, name: str, counts: tuple[int, int, int]) -> None:
    """One line per kind and column, with how often and where first."""
    quarantined, incomplete, landed = counts
    parts = [
        f"{quarantined:,} in quarantine.{name}" if quarantined else "",
        f"{incomplete:,} kept without a value, see _faults in bronze.{name}" if incomplete else "",
    ]
    told = " and ".join(filter(None, parts))
    console.print(
        f"[yellow]bad rows[/]  {told}, of {landed:,} rows of {name.replace('__', ' ')}:", soft_wrap=True
    )
    kinds = fault_kinds(warehouse, name)
    for kind in kinds[:KINDS_SHOWN]:
        where = f"{kind.source_file} line {kind.source_line}"
        line = f"  {kind.fate}  {kind.row_count:,} x, first in {where}: {kind.example}"
        console.print(Text(line), soft_wrap=True)  # Text: a value is data
    if len(kinds) > KINDS_SHOWN:
        console.print(f"  and {len(kinds) - KINDS_SHOWN} other kinds")


def _print_revenue_gaps(
    console: Console,
    unexplained: tuple[int, Decimal, str, Decimal],
    without_price: list[tuple[str, int]],
    currency: str,
) -> None:
    """What was billed beside all terms, and what is sold at a price that nobody knows; nothing when there is none."""
    months, total, worst_month, worst = unexplained
    if months:
        console.print(
            f"[yellow]unexplained[/]  bills of {months:,} months differ from the terms by {total:,.2f} {currency}"
            f" in all, most in {worst_month} ({worst:,.2f}): their lines are in silver.revenue_differences, where"
            " line_item = 'unexplained'",
            soft_wrap=True,
        )
    for status, count in without_price:
        console.print(
            f"[yellow]prices[/]  {count:,} current subscription items have {_WITHOUT_PRICE_WORDS[status]}:"
            f" see price_status = '{status}' in gold.fct_subscription_periods",
            soft_wrap=True,
        )


def _print_customers(
    console: Console,
    customers: list[tuple[str, float, float, float, str, str, float]],
    as_of_date: str,
    currency: str,
) -> None:
    table = Table(
        title=f"The {len(customers)} customers most worth saving on {as_of_date} (amounts in {currency})",
        title_justify="left",
    )
    for heading, justify in (
        ("customer", "left"), ("risk", "right"), ("at stake", "right"), ("at risk", "right"),
        ("main reason", "left"), ("offer, or what to do where none pays", "left"), ("return", "right"),
    ):  # fmt: skip
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, risk, at_stake, at_risk, reason, what_to_do, expected_return in customers:
        table.add_row(  # Text: a name is data, and may hold what rich reads as markup
            Text(name or "-"),
            f"{risk:.0%}",
            f"{at_stake:,.0f}",
            f"{at_risk:,.0f}",
            Text(reason or "-"),
            Text(what_to_do or "none pays"),
            f"{expected_return:,.0f}" if expected_return is not None else "-",
        )
    console.print(table)
