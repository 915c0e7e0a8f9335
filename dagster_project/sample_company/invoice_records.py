"""Stripe: invoices with their lines, charges and refunds, one row per version.

Frames carry the landing columns, `_day` (day number of delivery) and `_customer` (who it truly is). Not
here: what happened (`billing`) and delivery (`delivery`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing_records import (
    one_off_price_ref,
    price_ref,
    reported,
    subscription_ref,
)
from dagster_project.sample_company.directory import Directory, choose, json_text
from dagster_project.sample_company.invoicing import LINE_FIELDS
from dagster_project.sample_company.simulation import Simulation

INVOICE_STATUS = ("open", "paid", "uncollectible", "void")
INVOICE_REASONS = ("subscription_create", "subscription_cycle", "subscription_update", "manual")
LINE_KINDS = ("subscription", "invoiceitem")
INVOICE_COLUMNS = (
    "customer", "number", "subscription", "currency", "subtotal", "discount", "tax", "reason", "created",
    "cents", "status", "attempts", "second",
)  # fmt: skip
CHARGE_COLUMNS = ("customer", "number", "attempt", "cents", "currency", "fails", "code", "second")
REFUND_COLUMNS = (
    "customer", "number", "attempt", "half", "reason", "cents", "currency", "second",
)  # fmt: skip
AMOUNTS = '[{"amount":{}}]'


def _invoice_ref() -> pl.Expr:
    return pl.format("in_{}{}", "key", pl.col("number").cast(pl.String).str.zfill(4))


def _charge_ref() -> pl.Expr:
    return pl.format("ch_{}{}{}", "key", pl.col("number").cast(pl.String).str.zfill(4), "attempt")


def _with_keys(directory: Directory, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the billing customer's ids and the name of the currency."""
    return rows.hstack(directory.rows(rows["customer"], "stripe_id", "key")).with_columns(
        money=pl.col("currency"),
        currency=choose(catalogue.CURRENCIES, pl.col("currency")),
        _customer=pl.col("customer"),
    )


def _billed_subscription() -> pl.Expr:
    """The subscription that is named, null for what is sold once."""
    return pl.when(pl.col("subscription") >= 0).then(subscription_ref("key", "subscription"))


def _amounts(column: str) -> pl.Expr:
    return pl.when(pl.col(column) == 0).then(pl.lit("[]")).otherwise(json_text(AMOUNTS, column))


def invoices(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Open, then paid, given up or voided; what is paid and what remains sum to the total."""
    rows = _with_keys(directory, simulation.log.frame("invoice", INVOICE_COLUMNS))
    is_paid = pl.col("status") == INVOICE_STATUS.index("paid")
    return reported(rows).with_columns(
        id=_invoice_ref(),
        customer=pl.col("stripe_id"),
        subscription=_billed_subscription(),
        status=choose(INVOICE_STATUS, pl.col("status")),
        billing_reason=choose(INVOICE_REASONS, pl.col("reason")),
        total_discount_amounts=_amounts("discount"),
        total=pl.col("cents"),
        amount_paid=pl.when(is_paid).then("cents").otherwise(0),
        amount_remaining=pl.when(is_paid).then(0).otherwise("cents"),
        attempt_count=pl.col("attempts"),
        status_transitions=pl.when(is_paid)
        .then(json_text('{"paid_at":{}}', "second"))
        .otherwise(pl.lit('{"paid_at":null}')),
    )


def invoice_lines(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """What each invoice bills; subtotal, discount and tax of the invoice are the sums of its lines."""
    rows = _with_keys(
        directory, simulation.log.frame("line", (*LINE_FIELDS, "number", "line", "tax", "second"))
    )
    plans = len(catalogue.PLANS)
    one_off = pl.col("item") - plans
    what = choose((*catalogue.PLANS, *catalogue.ONE_OFFS), pl.col("item"))
    is_plan = pl.col("item") < plans
    settles = pl.col("is_proration") == 1
    return reported(rows).with_columns(
        id=pl.format("il_{}{}{}", "key", pl.col("number").cast(pl.String).str.zfill(4), "line"),
        invoice=_invoice_ref(),
        subscription=_billed_subscription(),
        type=choose(LINE_KINDS, pl.col("kind")),
        description=pl.when(settles & (pl.col("cents") < 0))
        .then(pl.format("Unused time on {} x {}", "quantity", what))
        .when(settles)
        .then(pl.format("Remaining time on {} x {}", "quantity", what))
        .otherwise(pl.format("{} x {}", "quantity", what)),
        price=pl.when(is_plan)
        .then(price_ref(pl.col("item"), pl.col("interval"), pl.col("money")))
        .otherwise(one_off_price_ref(one_off, pl.col("money"))),
        product=choose(catalogue.PRODUCT_REFS, pl.col("item")),
        amount=pl.col("cents"),
        discount_amounts=_amounts("discount"),
        tax_amounts=_amounts("tax"),
        proration=settles,
        period=json_text('{"start":{},"end":{}}', "start", "end"),
    )


def charges(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Attempts to take the money."""
    rows = _with_keys(directory, simulation.log.frame("charge", CHARGE_COLUMNS))
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
    rows = _with_keys(directory, simulation.log.frame("refund", REFUND_COLUMNS)).with_columns(
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
