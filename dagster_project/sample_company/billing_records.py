"""Stripe: products, prices, customers, subscriptions, invoices, charges and refunds, one row per version.

Frames carry the landing columns, `_day` (day number of delivery) and `_customer` (who it truly is). Not
here: what happened (`billing`) and delivery (`delivery`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.directory import Directory, choose, json_text
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.state import STATUS_NAMES
from dagster_project.sample_company.timeline import day_of_second, unix_seconds

BEFORE_HISTORY = int(unix_seconds(-1_200))
INVOICE_STATUS = ("open", "paid", "uncollectible", "void")
INVOICE_REASONS = ("subscription_create", "subscription_cycle")


def reported(frame: pl.DataFrame, second: str = "second") -> pl.DataFrame:
    """Add `event_created` and the day of delivery from a column of unix seconds."""
    return frame.with_columns(
        pl.col(second).alias("event_created"), day_of_second(pl.col(second)).alias("_day")
    )


def _price_ref(plan: pl.Expr, interval: pl.Expr, currency: pl.Expr) -> pl.Expr:
    plans = tuple(name.lower() for name in catalogue.PLANS)
    return pl.format(
        "price_{}_{}_{}",
        choose(plans, plan),
        choose(catalogue.INTERVALS, interval),
        choose(catalogue.CURRENCIES, currency),
    )


def products() -> pl.DataFrame:
    """The three plans."""
    rows = pl.DataFrame({"id": catalogue.PRODUCT_REFS, "name": [f"{plan} plan" for plan in catalogue.PLANS]})
    return reported(rows.with_columns(second=pl.lit(BEFORE_HISTORY))).with_columns(
        metadata=json_text('{"plan_tier":"{}"}', pl.lit(pl.Series(catalogue.PLANS))),
        active=pl.lit(True),
        created=pl.lit(BEFORE_HISTORY),
    )


def prices() -> pl.DataFrame:
    """One price per plan, interval and currency."""
    plan, interval, currency = (axis.ravel() for axis in np.indices(catalogue.UNIT_CENTS.shape))
    rows = pl.DataFrame(
        {"plan": plan, "interval": interval, "money": currency, "unit_amount": catalogue.UNIT_CENTS.ravel()}
    ).with_columns(second=pl.lit(BEFORE_HISTORY + 60))
    return reported(rows).with_columns(
        id=_price_ref(pl.col("plan"), pl.col("interval"), pl.col("money")),
        product=choose(catalogue.PRODUCT_REFS, pl.col("plan")),
        currency=choose(catalogue.CURRENCIES, pl.col("money")),
        recurring=json_text('{"interval":"{}"}', choose(catalogue.INTERVALS, pl.col("interval"))),
        active=pl.lit(True),
        created=pl.lit(BEFORE_HISTORY + 60),
    )


def customers(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """New, with a changed address, past due or no longer, and entered a second time."""
    people = simulation.population
    created = unix_seconds(people.first_day, people.anchor_second - 120)
    change = unix_seconds(directory.frame["change_day"].to_numpy(), 37_000)
    again = unix_seconds(directory.frame["duplicate_day"].to_numpy(), 41_000)
    first = directory.frame.with_columns(
        pl.Series("created", created),
        pl.Series("second", created),
        pl.Series("change_second", np.maximum(change, created + 86_400)),
        pl.Series("again_second", np.maximum(again, created + 86_400)),
        pl.Series("money", people.currency),
        id=pl.col("stripe_id"),
        name=pl.col("stripe_name"),
        email=pl.col("billing_email"),
        delinquent=pl.lit(False),
        carries_account=pl.col("salesforce_chance") < 0.85,
    )
    new_email = pl.concat_str(
        pl.col("billing_email").str.extract("^([^@]+)@"), pl.lit("@"), pl.col("new_domain")
    )
    moved = first.filter(trap="changed_domain").with_columns(second=pl.col("change_second"), email=new_email)
    twice = first.filter(trap="duplicate_billing").with_columns(
        id=pl.col("second_stripe_id"), name=pl.col("second_name"), created=pl.col("again_second"),
        second=pl.col("again_second"), email=pl.col("main_email"), carries_account=pl.lit(False),
    )  # fmt: skip
    late = simulation.log.frame("delinquency", ("customer", "is_delinquent", "second"))
    changed = first[late["customer"].cast(pl.UInt32)].with_columns(
        late["is_delinquent"].cast(pl.Boolean).alias("delinquent"), late["second"]
    )
    has_moved = (pl.col("trap") == "changed_domain") & (pl.col("second") >= pl.col("change_second"))
    changed = changed.with_columns(pl.when(has_moved).then(new_email).otherwise("email").alias("email"))
    return reported(pl.concat([first, moved, twice, changed])).with_columns(
        address=json_text(
            '{"line1":"{}","city":"{}","postal_code":"{}","country":"{}"}',
            "address_line",
            "city",
            "postal_code",
            "country",
        ),
        metadata=pl.when("carries_account")
        .then(json_text('{"salesforce_account_id":"{}"}', "account_id"))
        .otherwise(pl.lit("{}")),
        currency=choose(catalogue.CURRENCIES, pl.col("money")),
        _customer=pl.col("customer"),
    )


def _or_null(column: str) -> pl.Expr:
    return pl.when(pl.col(column) >= 0).then(pl.col(column))


def subscriptions(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Every change of a subscription as the whole object afterwards."""
    people = simulation.population
    rows = simulation.log.frame("subscription", ())
    who = rows["customer"].to_numpy()
    anchor = people.anchor_second[who]
    interval = people.is_yearly[who].astype(np.int64)
    trial_end = np.where(
        people.has_trial & (people.join_day > 0), unix_seconds(people.join_day, people.anchor_second), -1
    )
    rows = rows.with_columns(
        pl.Series("plan", people.plan[who]),
        pl.Series("interval", interval),
        pl.Series("money", people.currency[who]),
        pl.Series("unit", people.unit_cents()[who]),
        pl.Series("current_period_start", unix_seconds(rows["period_start"].to_numpy(), anchor)),
        pl.Series("current_period_end", unix_seconds(rows["period_end"].to_numpy(), anchor)),
        pl.Series("trial", np.where(rows["number"].to_numpy() == 0, trial_end[who], -1)),
    ).hstack(directory.rows(rows["customer"], "stripe_id", "key"))
    price = '{"id":"{}","product":"{}","unit_amount":{},"recurring":{"interval":"{}"}}'
    item = '{"data":[{"price":' + price + ',"quantity":{}}]}'
    reason = choose(catalogue.CANCEL_REASONS, pl.col("reason"))
    return reported(rows).with_columns(
        id=subscription_ref("key", "number"),
        customer=pl.col("stripe_id"),
        status=choose(STATUS_NAMES, pl.col("status")),
        currency=choose(catalogue.CURRENCIES, pl.col("money")),
        items=json_text(
            item,
            _price_ref(pl.col("plan"), pl.col("interval"), pl.col("money")),
            choose(catalogue.PRODUCT_REFS, pl.col("plan")),
            "unit",
            choose(catalogue.INTERVALS, pl.col("interval")),
            "seats",
        ),
        cancellation_details=pl.when(pl.col("reason") >= 0)
        .then(json_text('{"feedback":"{}"}', reason))
        .otherwise(pl.lit('{"feedback":null}')),
        cancel_at_period_end=pl.col("has_notice") & (pl.col("ended_second") < 0),
        start_date=pl.col("started"),
        trial_end=_or_null("trial"),
        canceled_at=_or_null("notice_second"),
        ended_at=_or_null("ended_second"),
        created=pl.col("started"),
        _customer=pl.col("customer"),
    )


def subscription_ref(key: str, number: str) -> pl.Expr:
    """Stripe id of the n-th subscription of a customer."""
    return pl.format("sub_{}{}", key, pl.col(number).cast(pl.String).str.zfill(2))


def _invoice_ref() -> pl.Expr:
    return pl.format("in_{}{}", "key", pl.col("number").cast(pl.String).str.zfill(4))


def _charge_ref() -> pl.Expr:
    return pl.format("ch_{}{}{}", "key", pl.col("number").cast(pl.String).str.zfill(4), "attempt")


def _with_keys(simulation: Simulation, directory: Directory, rows: pl.DataFrame) -> pl.DataFrame:
    money = simulation.population.currency[rows["customer"].to_numpy().astype(np.int64)]
    return rows.hstack(directory.rows(rows["customer"], "stripe_id", "key")).with_columns(
        pl.Series("money", money).replace_strict(
            list(range(len(catalogue.CURRENCIES))), list(catalogue.CURRENCIES), return_dtype=pl.String
        ).alias("currency"),
        pl.col("customer").alias("_customer"),
    )  # fmt: skip


def invoices(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Open, then paid or given up; what is paid and what remains sum to the total."""
    columns = (
        "customer",
        "number",
        "subscription",
        "status",
        "cents",
        "attempts",
        "reason",
        "created",
        "second",
    )
    rows = _with_keys(simulation, directory, simulation.log.frame("invoice", columns))
    is_paid = pl.col("status") == INVOICE_STATUS.index("paid")
    return reported(rows).with_columns(
        id=_invoice_ref(),
        customer=pl.col("stripe_id"),
        subscription=subscription_ref("key", "subscription"),
        status=choose(INVOICE_STATUS, pl.col("status")),
        billing_reason=choose(INVOICE_REASONS, pl.col("reason")),
        total=pl.col("cents"),
        amount_paid=pl.when(is_paid).then("cents").otherwise(0),
        amount_remaining=pl.when(is_paid).then(0).otherwise("cents"),
        attempt_count=pl.col("attempts"),
        status_transitions=pl.when(is_paid)
        .then(json_text('{"paid_at":{}}', "second"))
        .otherwise(pl.lit('{"paid_at":null}')),
    )


def charges(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Attempts to take the money."""
    columns = ("customer", "number", "attempt", "cents", "fails", "code", "second")
    rows = _with_keys(simulation, directory, simulation.log.frame("charge", columns))
    method = simulation.population.payment_method[rows["_customer"].to_numpy().astype(np.int64)]
    fails = pl.col("fails").cast(pl.Boolean)
    return reported(rows.with_columns(pl.Series("method", method))).with_columns(
        id=_charge_ref(),
        customer=pl.col("stripe_id"),
        invoice=_invoice_ref(),
        status=pl.when(fails).then(pl.lit("failed")).otherwise(pl.lit("succeeded")),
        failure_code=pl.when(fails).then(choose(catalogue.FAILURE_CODES, pl.col("code"))),
        payment_method_details=json_text(
            '{"type":"{}"}', choose(catalogue.PAYMENT_METHODS, pl.col("method"))
        ),
        amount=pl.col("cents"),
        created=pl.col("second"),
    )


def refunds(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Money given back, half or whole; reported pending first and succeeded a day later."""
    columns = ("customer", "number", "attempt", "half", "reason", "cents", "second")
    rows = _with_keys(simulation, directory, simulation.log.frame("refund", columns)).with_columns(
        created=pl.col("second"), status=pl.lit("pending")
    )
    done = rows.with_columns(second=pl.col("second") + 86_400, status=pl.lit("succeeded"))
    why = (
        pl.when(pl.col("reason").cast(pl.Boolean))
        .then(pl.lit("requested_by_customer"))
        .otherwise(pl.lit("duplicate"))
    )
    return reported(pl.concat([rows, done])).with_columns(
        id=pl.format("re_{}{}", "key", pl.col("number").cast(pl.String).str.zfill(4)),
        charge=_charge_ref(),
        reason=why,
        amount=pl.when(pl.col("half").cast(pl.Boolean)).then(pl.col("cents") // 2).otherwise("cents"),
    )
