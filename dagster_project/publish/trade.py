"""What a shop wants to read after a run: buyers, orders, returns and spend, visits, points, and its best customers.

Nothing is printed of what the data do not have. Not here: tables, bad rows and subscribers (`summary.py`).
"""

from decimal import Decimal

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

TOP_CUSTOMERS = 10

# Spend is sold less returned, to the cent: a refund is below 0, and an order that was refunded as a whole adds nothing.
_TRADE = """
    with periods as (
        select * from (values
            ('last 30 days', 1, $day - 29, $day),
            ('last 365 days', 2, $day - 364, $day),
            ('the 365 days before', 3, $day - 729, $day - 365),
            ('all days', 4, date '0001-01-01', $day)
        ) as _ (period, place, first_date, last_date)
    )
    select
        period,
        count(distinct customer_id) filter (is_order),
        count(*) filter (is_order),
        coalesce(sum(net_spend_amount) filter (net_spend_amount > 0), 0),
        coalesce(-sum(net_spend_amount) filter (net_spend_amount < 0), 0),
        coalesce(sum(net_spend_amount), 0)
    from periods
    left join (
        select *, kind in ('order', 'shipment') and net_spend_amount is not null as is_order
        from gold.fct_transactions
    ) as transactions
        on transaction_date between first_date and last_date
    group by period, place
    order by place
"""
_HAS_ORDERS = "select count(*) > 0 from gold.fct_transactions where kind in ('order', 'shipment')"
_VISITS = """
    select count(*), count(distinct customer_id) from gold.fct_visits
    where visit_date between $day - 29 and $day
"""
_ACCOUNTS = """
    with accounts as (
        select customer_id, arg_max(points_balance, (occurred_at, loyalty_event_id)) as points_balance,
            arg_max(tier, (occurred_at, loyalty_event_id)) as tier
        from gold.fct_loyalty_events where event_date <= $day group by customer_id
    )
    select tier, count(*), sum(points_balance) from accounts group by tier order by count(*) desc, tier
"""
_BEST = """
    select coalesce(name, customer_id), purchase_count, spend_amount, days_since_last_purchase, probability_alive,
        predicted_clv_amount
    from gold.customer_360
    where as_of_date = $day and churn_status = 'not_a_subscriber' and predicted_clv_amount is not null
    order by predicted_clv_amount desc, customer_id
    limit $limit
"""


def print_trade(
    connection: duckdb.DuckDBPyConnection, as_of_date: str, currency: str, console: Console
) -> None:
    """What was bought and returned, who came, and who is expected to spend most; nothing where nobody orders."""
    if not connection.execute(_HAS_ORDERS).fetchall()[0][0]:
        return
    day = {"day": as_of_date}
    _print_trade(console, connection.execute(_dated(_TRADE), day).fetchall(), as_of_date, currency)
    visits, visitors = connection.execute(_dated(_VISITS), day).fetchall()[0]
    if visits:
        console.print(f"Visits: {visits:,} of {visitors:,} customers in the last 30 days", soft_wrap=True)
    accounts = connection.execute(_dated(_ACCOUNTS), day).fetchall()
    if accounts:
        points = sum(held for *_, held in accounts)
        tiers = ", ".join(f"{tier or 'no tier'} {count:,}" for tier, count, _ in accounts)
        console.print(
            Text(
                f"Loyalty: {points:,} points held by {sum(count for _, count, _ in accounts):,} customers; {tiers}"
            ),
            soft_wrap=True,
        )
    best = connection.execute(_dated(_BEST), day | {"limit": TOP_CUSTOMERS}).fetchall()
    if best:
        _print_best(console, best, as_of_date, currency)


def _dated(sql: str) -> str:
    return sql.replace("$day", "cast($day as date)")


def _print_trade(
    console: Console,
    rows: list[tuple[str, int, int, Decimal, Decimal, Decimal]],
    as_of_date: str,
    currency: str,
) -> None:
    table = Table(title=f"Orders and returns to {as_of_date} (amounts in {currency})", title_justify="left")
    table.add_column("days")
    for heading in ("buyers", "orders", "sold", "returned", "spend", "per buyer"):
        table.add_column(heading, justify="right")
    for period, buyers, orders, sold, returned, spend in rows:
        per_buyer = f"{spend / buyers:,.2f}" if buyers else "-"
        table.add_row(
            period,
            f"{buyers:,}",
            f"{orders:,}",
            f"{sold:,.2f}",
            f"{returned:,.2f}",
            f"{spend:,.2f}",
            per_buyer,
        )
    console.print(table)


def _print_best(
    console: Console,
    rows: list[tuple[str, int, Decimal, int, float, Decimal]],
    as_of_date: str,
    currency: str,
) -> None:
    title = f"The {len(rows)} buyers of whom most is expected after {as_of_date} (amounts in {currency})"
    table = Table(title=title, title_justify="left")
    table.add_column("customer")
    for heading in ("purchases", "spend", "days since", "still a buyer", "expected value"):
        table.add_column(heading, justify="right")
    for name, purchases, spend, days_since, alive, expected in rows:
        table.add_row(  # Text: a name is data, and may hold what rich reads as markup
            Text(name),
            f"{purchases:,}",
            f"{spend:,.2f}",
            f"{days_since:,}",
            f"{alive:.0%}" if alive is not None else "-",
            f"{expected:,.2f}",
        )
    console.print(table)
