"""The files that the shop's systems export, in the layout of the file drop, all of it text.

Frames carry the columns of their object, `_customer` (who it truly is) and `_second` (when it came to be). Not here:
what happened (`life`, `contacts`, `loyalty`), and the writing of files (`delivery`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from dagster_project.sample_company.directory import choose
from dagster_project.sample_company.randomness import mixed_index, mixed_uniform
from dagster_project.sample_company.shop import assortment, baskets, contacts, offers, records
from dagster_project.sample_company.shop.life import Life
from dagster_project.sample_company.shop.loyalty import loyalty_events
from dagster_project.sample_company.shop.phrases import PROBLEMS
from dagster_project.sample_company.timeline import date_text, unix_seconds, zulu_text

FAILED_SHARE = 0.012
WEB_OPENS_SECOND, WEB_SECONDS = 7 * 3_600, 16 * 3_600
PAYMENT_METHODS = (("card", "cash", "card"), ("card", "paypal", "invoice"))
"""In stores and on the web."""
SUPPORT_CHANNELS = ("email", "chat", "phone")
PRIORITIES = ("normal", "high", "low")


@dataclass(frozen=True)
class Shop:
    """What happened, and who it happened to."""

    life: Life
    known: pl.DataFrame
    orders: pl.DataFrame


def open_books(life: Life) -> Shop:
    """Number and time the orders of a life."""
    seed, orders = life.people.seed, baskets.orders(life.people.seed, life.log)
    who, day = orders["customer"].to_numpy().astype(np.int64), orders["day"].to_numpy().astype(np.int64)
    in_store = contacts.second_in_store(seed, "shop till", who, day)
    on_web = unix_seconds(day, WEB_OPENS_SECOND + mixed_index(seed, "shop checkout", WEB_SECONDS, who, day))
    known = records.persons(life.people)
    orders = orders.with_columns(
        pl.Series("second", np.where(orders["is_web"].to_numpy(), on_web, in_store)),
        day=pl.col("day").cast(pl.Int64),
        customer=pl.col("customer").cast(pl.Int64),
    ).with_columns(
        records.reference(known, orders["customer"], orders["is_web"]).alias("customer_ref"),
        ref=pl.format(
            "{}-{}", pl.from_epoch("second", "s").dt.strftime("%Y%m%d"),
            (pl.col("customer") + 1).cast(pl.String).str.zfill(6),
        ),
    )  # fmt: skip
    return Shop(life, known, orders)


def money(cents: pl.Expr) -> pl.Expr:
    """Cents as `12.34`, exactly."""
    sign = pl.when(cents < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    whole, rest = cents.abs() // 100, cents.abs() % 100
    return pl.format("{}{}.{}", sign, whole, rest.cast(pl.String).str.zfill(2))


def _returned(shop: Shop) -> pl.DataFrame:
    """Orders of which something came back by the end; refunds happen at noon or later."""
    back = shop.orders.filter(pl.col("returned_cents") > 0, pl.col("return_day") <= shop.life.last_day)
    seconds = unix_seconds(back["return_day"].to_numpy().astype(np.int64), 50_000)
    return back.with_columns(pl.Series("second", seconds))


def transactions(shop: Shop) -> pl.DataFrame:
    """Orders, refunds (below 0) and, before some orders of the web shop, a payment that failed."""
    seed = shop.life.people.seed
    who, day = shop.orders["customer"].to_numpy(), shop.orders["day"].to_numpy()
    method = pl.Series(mixed_index(seed, "shop method", 3, who, day))
    sold = shop.orders.with_columns(
        method=pl.when("is_web")
        .then(choose(PAYMENT_METHODS[1], pl.lit(method)))
        .otherwise(choose(PAYMENT_METHODS[0], pl.lit(method))),
        fails=pl.Series(mixed_uniform(seed, "shop failure", who, day) < FAILED_SHARE),
    )
    order = _transaction(sold, "{}", "total_cents", "paid", "order")
    failed = sold.filter("fails", "is_web").with_columns(pl.col("second") - 240)
    failed = _transaction(failed, "{}-F", "total_cents", "failed", "order")
    back = _returned(shop).with_columns(method=pl.lit(None, dtype=pl.String), minus=-pl.col("returned_cents"))
    return pl.concat([order, failed, _transaction(back, "{}-R", "minus", "paid", "refund")])


def _transaction(rows: pl.DataFrame, ref: str, cents: str, status: str, kind: str) -> pl.DataFrame:
    return rows.select(
        pl.format(ref, "ref").alias("transaction_ref"), "customer_ref", occurred_at=zulu_text(pl.col("second")),
        amount=money(pl.col(cents)), currency=pl.lit(None, dtype=pl.String), status=pl.lit(status),
        kind=pl.lit(kind), payment_method="method", _customer="customer", _second="second",
    )  # fmt: skip


def transaction_lines(shop: Shop) -> pl.DataFrame:
    """What orders and refunds are made of."""
    lines = shop.life.log.frame("line", ("customer", "day", "product", "pieces", "cents", "comes_back"))
    lines = lines.with_columns(
        pl.col("customer", "day").cast(pl.Int64),
        line_number=pl.int_range(1, pl.len() + 1).over("customer", "day"),
        comes_back=pl.col("comes_back").cast(pl.Boolean),
    )
    keys = ["customer", "day"]
    sold = lines.join(
        shop.orders.select(*keys, "second", "ref"), on=keys, validate="m:1", maintain_order="left"
    )
    back = lines.filter("comes_back").with_columns(pieces=-pl.col("pieces")).join(
        _returned(shop).select(*keys, "second", ref=pl.format("{}-R", "ref")), on=keys, validate="m:1",
        maintain_order="left",
    )  # fmt: skip
    return pl.concat([sold, back]).select(
        transaction_ref="ref",
        line_number=pl.col("line_number").cast(pl.String),
        product_ref=choose(assortment.PRODUCT_REFS, pl.col("product")),
        quantity=pl.col("pieces").cast(pl.String),
        unit_price_amount=money(pl.col("cents")),
        category=choose(
            tuple(assortment.CATEGORIES[number] for number in assortment.CATEGORY_OF), pl.col("product")
        ),
        _customer="customer",
        _second="second",
    )


def products(shop: Shop) -> pl.DataFrame:
    """The price list of the last day."""
    cents = assortment.price_cents(shop.life.people.seed, np.array([shop.life.last_day]))[0]
    number = pl.int_range(len(assortment.PRODUCTS), eager=True)
    return pl.DataFrame({"cents": cents, "cost": assortment.COST_CENTS}).select(
        pl.Series("product_ref", assortment.PRODUCT_REFS),
        pl.Series("name", assortment.PRODUCT_NAMES),
        category=choose(assortment.CATEGORIES, pl.lit(pl.Series(assortment.CATEGORY_OF))),
        list_price_amount=money(pl.col("cents")),
        cost_amount=money(pl.col("cost")),
        _customer=pl.lit(None, dtype=pl.Int64),
        _second=number * 0,
    )


def visits(shop: Shop) -> pl.DataFrame:
    """What the counters at the doors of the stores and the cards saw."""
    rows = contacts.visits(shop.life, shop.orders)
    store = records.store_of(shop.life.people)[rows["customer"].cast(pl.UInt32)]
    return rows.select(
        pl.format("V{}-{}", "day", "customer").alias("visit_ref"),
        _reference(shop, rows, is_web=False),
        occurred_at=zulu_text(pl.col("second")),
        location=pl.lit(store),
        duration_seconds=pl.when("counted").then(pl.col("duration_seconds").cast(pl.String)),
        party_size=pl.when("counted").then(pl.col("party_size").cast(pl.String)),
        _customer="customer",
        _second="second",
    )


def _reference(shop: Shop, rows: pl.DataFrame, is_web: bool) -> pl.Series:
    channel = pl.Series([is_web]).new_from_index(0, rows.height)
    return records.reference(shop.known, rows["customer"], channel).alias("customer_ref")


def loyalty(shop: Shop) -> pl.DataFrame:
    """Movements and tiers of the loyalty accounts."""
    rows = loyalty_events(shop.life.people, shop.orders, shop.life.last_day)
    number = pl.int_range(pl.len()).over("customer")
    return rows.select(
        pl.format("L{}-{}", "customer", number).alias("event_ref"),
        _reference(shop, rows, is_web=False),
        occurred_at=zulu_text(pl.col("second")),
        kind="kind",
        points=pl.col("points").cast(pl.String),
        tier="tier",
        _customer="customer",
        _second="second",
    )


def touchpoints(shop: Shop) -> pl.DataFrame:
    """Messages of campaigns."""
    rows = contacts.messages(shop.life)
    return rows.select(
        pl.format("M{}-{}-{}", "channel", "day", "customer").alias("touchpoint_ref"),
        _reference(shop, rows, is_web=True),
        occurred_at=zulu_text(pl.col("second")),
        channel="channel",
        campaign_ref="campaign_ref",
        direction=pl.lit("outbound"),
        outcome="outcome",
        cost_amount=pl.col("cost").cast(pl.String),
        _customer="customer",
        _second="second",
    )


def survey_responses(shop: Shop) -> pl.DataFrame:
    """Reviews and recommendations."""
    rows = contacts.answers(shop.life, shop.orders)
    return rows.select(
        pl.format("A{}-{}-{}", "kind", "customer", "second").alias("response_ref"),
        _reference(shop, rows, is_web=True),
        responded_at=zulu_text(pl.col("second")),
        survey_kind="kind",
        score=pl.col("score").cast(pl.String),
        comment="comment",
        _customer="customer",
        _second="second",
    )


def tickets(shop: Shop) -> pl.DataFrame:
    """Questions to the shop, as they stand at the end of the last day."""
    rows = contacts.tickets(shop.life, shop.orders)
    kinds, subjects, texts = zip(*PROBLEMS, strict=True)
    return rows.select(
        pl.format("T{}-{}", "customer", "second").alias("ticket_ref"),
        records.reference(shop.known, rows["customer"], rows["is_web"]).alias("customer_ref"),
        opened_at=zulu_text(pl.col("second")),
        first_reply_at=zulu_text(pl.when(pl.col("reply") >= 0).then("reply")),
        solved_at=zulu_text(pl.when(pl.col("solved") >= 0).then("solved")),
        priority=choose(PRIORITIES, pl.col("problem") % 3),
        channel=choose(SUPPORT_CHANNELS, pl.col("channel")),
        status=pl.when(pl.col("solved") >= 0).then(pl.lit("solved")).otherwise(pl.lit("open")),
        issue_type=choose(kinds, pl.col("problem")),
        subject=choose(subjects, pl.col("problem")),
        body=choose(texts, pl.col("problem")),
        csat_score=pl.when(pl.col("score") >= 0).then(pl.col("score").cast(pl.String)),
        _customer="customer",
        _second="second",
    )


def incentive_outcomes(shop: Shop) -> pl.DataFrame:
    """One row per drawn offer whose 90 days are over: taken or not, and whether the person bought again."""
    columns = ("customer", "day", "arm", "kind", "uses", "offered")
    drawn = shop.life.log.frame("offer", columns).with_columns(pl.col("customer", "day").cast(pl.Int64))
    drawn = drawn.filter(pl.col("day") + offers.OBSERVED_DAYS < shop.life.last_day)
    # The first order after an offer: orders are of whole days, the offer comes in the morning of its own.
    bought = shop.orders.select("customer", bought_day="day", bought_second="second").sort("bought_day")
    rows = drawn.with_columns(from_day=pl.col("day") + 1).sort("from_day").join_asof(
        bought, left_on="from_day", right_on="bought_day", by="customer", strategy="forward",
        check_sortedness=False,
    )  # fmt: skip
    after = pl.col("bought_day") - pl.col("day")
    accepted = pl.col("uses").cast(pl.Boolean) & (after <= offers.WORKS_DAYS)
    cost = pl.Series(offers.COSTS)[rows["arm"].cast(pl.UInt32)]
    chance = pl.Series(np.array(offers.PROPENSITIES))[rows["arm"].cast(pl.UInt32)]
    rows = rows.with_columns(accepted=accepted.fill_null(value=False), cost=cost, chance=chance)
    return rows.select(
        pl.format("X{}-{}", "day", "customer").alias("outcome_ref"),
        _reference(shop, rows, is_web=True),
        offered_at=zulu_text(pl.col("offered")),
        incentive_id=choose(offers.OFFERS, pl.col("arm")),
        propensity=pl.col("chance").cast(pl.String),
        accepted_at=zulu_text(pl.when("accepted").then("bought_second")),
        cost_amount=pl.when("accepted").then(pl.col("cost")).otherwise(0.0).round(2).cast(pl.String),
        is_retained=(after <= offers.OBSERVED_DAYS).fill_null(value=False).cast(pl.String),
        observed_until=date_text(
            pl.lit(pl.Series(unix_seconds(rows["day"].to_numpy() + offers.OBSERVED_DAYS)))
        ),
        _customer="customer",
        _second="offered",
    ).sort("_second", "outcome_ref")


def consents(shop: Shop) -> pl.DataFrame:
    """Whether people want messages, as they said when they came."""
    granted = pl.Series("granted", shop.life.people.has_consent)
    rows = shop.known.with_columns(granted)
    return rows.select(
        _reference(shop, rows, is_web=True),
        purpose=pl.lit("marketing_email"),
        is_granted=pl.col("granted").cast(pl.String),
        recorded_at=zulu_text(pl.col("joined")),
        source=pl.lit("signup form"),
        _customer="customer",
        _second="joined",
    )


def customers(shop: Shop) -> pl.DataFrame:
    """Cards and accounts."""
    rows = records.customers(shop.life.people, shop.known)
    return rows.with_columns(created_at=zulu_text(pl.col("created_at")))


OBJECTS = {
    "customers": customers,
    "consents": consents,
    "products": products,
    "transactions": transactions,
    "transaction_lines": transaction_lines,
    "visits": visits,
    "loyalty_events": loyalty,
    "touchpoints": touchpoints,
    "survey_responses": survey_responses,
    "tickets": tickets,
    "incentive_outcomes": incentive_outcomes,
}
