"""Stripe: products, prices, customers and subscriptions, one row per version.

Frames carry the landing columns, `_day` (day number of delivery) and `_customer` (who it truly is). Not
here: what happened (`billing`), bills (`invoice_records`) and delivery (`delivery`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.collection import GIVEN_UP_SECOND
from dagster_project.sample_company.directory import Directory, choose, json_text
from dagster_project.sample_company.pauses import RESUME_SECOND
from dagster_project.sample_company.second_subscriptions import SECOND_NUMBER, START_AFTER
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.state import STATUS_NAMES
from dagster_project.sample_company.timeline import SECONDS_PER_DAY, day_of_second, unix_seconds

BEFORE_HISTORY = int(unix_seconds(-1_200))


def reported(frame: pl.DataFrame, second: str = "second") -> pl.DataFrame:
    """Add `event_created` and the day of delivery from a column of unix seconds."""
    return frame.with_columns(
        pl.col(second).alias("event_created"), day_of_second(pl.col(second)).alias("_day")
    )


def price_ref(plan: pl.Expr, interval: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Stripe id of the price of a plan."""
    plans = tuple(name.lower() for name in catalogue.PLANS)
    return pl.format(
        "price_{}_{}_{}",
        choose(plans, plan),
        choose(catalogue.INTERVALS, interval),
        choose(catalogue.CURRENCIES, currency),
    )


def one_off_price_ref(one_off: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """Stripe id of the price of something sold once."""
    names = tuple(name.lower() for name in catalogue.ONE_OFFS)
    return pl.format("price_{}_{}", choose(names, one_off), choose(catalogue.CURRENCIES, currency))


def products() -> pl.DataFrame:
    """The three plans, and what is sold once."""
    names = [*(f"{plan} plan" for plan in catalogue.PLANS), *catalogue.ONE_OFFS]
    tiers = [f'{{"plan_tier":"{plan}"}}' for plan in catalogue.PLANS] + ["{}"] * len(catalogue.ONE_OFFS)
    rows = pl.DataFrame({"id": catalogue.PRODUCT_REFS, "name": names, "metadata": tiers})
    return reported(rows.with_columns(second=pl.lit(BEFORE_HISTORY))).with_columns(
        active=pl.lit(True), created=pl.lit(BEFORE_HISTORY)
    )


def prices() -> pl.DataFrame:
    """One price per plan, interval and currency, and one per one-off and currency."""
    plan, interval, currency = (axis.ravel() for axis in np.indices(catalogue.UNIT_CENTS.shape))
    plans = pl.DataFrame(
        {"plan": plan, "interval": interval, "money": currency, "unit_amount": catalogue.UNIT_CENTS.ravel()}
    ).select(
        "money", "unit_amount", id=price_ref(pl.col("plan"), pl.col("interval"), pl.col("money")),
        product=choose(catalogue.PRODUCT_REFS, pl.col("plan")),
        recurring=json_text(
            '{"interval":"{}","interval_count":1}', choose(catalogue.INTERVALS, pl.col("interval"))
        ),
    )  # fmt: skip
    one_off, currency = (axis.ravel() for axis in np.indices(catalogue.ONE_OFF_CENTS.shape))
    once = pl.DataFrame(
        {"one_off": one_off, "money": currency, "unit_amount": catalogue.ONE_OFF_CENTS.ravel()}
    ).select(
        "money", "unit_amount", id=one_off_price_ref(pl.col("one_off"), pl.col("money")),
        product=choose(catalogue.PRODUCT_REFS, pl.col("one_off") + len(catalogue.PLANS)),
        recurring=pl.lit(None, dtype=pl.String),
    )  # fmt: skip
    rows = pl.concat([plans, once]).with_columns(second=pl.lit(BEFORE_HISTORY + 60))
    return reported(rows).with_columns(
        currency=choose(catalogue.CURRENCIES, pl.col("money")),
        active=pl.lit(True),
        created=pl.lit(BEFORE_HISTORY + 60),
    )


def customers(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """New, changed (e-mail, address, currency, in arrears or no longer), and entered a second time.

    Every version has all that had changed by then.
    """
    people = simulation.population
    created = unix_seconds(people.first_day, people.anchor_second - 120)
    later = {
        "change_second": unix_seconds(directory.frame["change_day"].to_numpy(), 37_000),
        "again_second": unix_seconds(directory.frame["duplicate_day"].to_numpy(), 41_000),
    }
    columns = ("customer", "currency", "second")
    money = simulation.log.frame("new currency", columns).rename(
        {"currency": "new_money", "second": "money_second"}
    )
    carried = pl.when("is_person").then(pl.col("has_account") & (pl.col("stripe_chance") < 0.5))
    first = directory.frame.with_columns(
        pl.Series("created", created),
        pl.Series("second", created),
        *(pl.Series(name, np.maximum(second, created + 86_400)) for name, second in later.items()),
        pl.Series("money", people.currency),
        id=pl.col("stripe_id"),
        name=pl.col("stripe_name"),
        email=pl.col("billing_email"),
        delinquent=pl.lit(False),
        carries_account=carried.otherwise(pl.col("salesforce_chance") < 0.85),
        individual_name=pl.when("is_person").then("stripe_name"),
        business_name=pl.when(pl.col("stripe_chance") > 0.3).then("registered_name"),
    ).join(money, on="customer", how="left", validate="1:1", maintain_order="left")
    changes = pl.col("trap").is_in(["changed_domain", "moved_house"])
    moved = first.filter(changes).with_columns(second=pl.col("change_second"))
    recoined = first.filter(pl.col("money_second").is_not_null()).with_columns(second=pl.col("money_second"))
    late = simulation.log.frame("delinquency", ("customer", "is_delinquent", "second"))
    in_arrears = first[late["customer"].cast(pl.UInt32)].with_columns(
        late["is_delinquent"].cast(pl.Boolean).alias("delinquent"), late["second"]
    )
    versions = _as_of_then(pl.concat([first, moved, recoined, in_arrears]))
    twice = first.filter(trap="duplicate_billing").with_columns(
        id=pl.col("second_stripe_id"), name=pl.col("second_name"), created=pl.col("again_second"),
        second=pl.col("again_second"), email=pl.coalesce("second_person_email", "main_email"),
        individual_name=pl.when("is_person").then("second_name"), carries_account=pl.lit(False),
    )  # fmt: skip
    return reported(pl.concat([versions, twice])).with_columns(
        phone=pl.col("stripe_phone"),
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
        _person=pl.when("is_person").then(0),
    )


def _as_of_then(versions: pl.DataFrame) -> pl.DataFrame:
    """Put into each version the changes of address, e-mail and currency that had happened by its second."""
    changed = pl.col("second") >= pl.col("change_second")
    new_email = pl.concat_str(
        pl.col("billing_email").str.extract("^([^@]+)@"), pl.lit("@"), pl.col("new_domain")
    )
    return versions.with_columns(
        email=pl.when(changed & (pl.col("trap") == "changed_domain")).then(new_email).otherwise("email"),
        address_line=pl.when(changed & (pl.col("trap") == "moved_house"))
        .then("new_address_line")
        .otherwise("address_line"),
        money=pl.when(pl.col("second") >= pl.col("money_second")).then("new_money").otherwise("money"),
    )


def _or_null(column: str) -> pl.Expr:
    return pl.when(pl.col(column) >= 0).then(pl.col(column))


def _coupon_json() -> pl.Expr:
    """The coupon on a subscription as Stripe writes it; null without one."""
    coupon = pl.col("coupon")
    names, _, cents, durations, months = zip(*catalogue.COUPONS, strict=True)
    percents = tuple(f"{points / 100:g}" if points else "null" for points in catalogue.COUPON_BASIS_POINTS)
    money = choose(catalogue.CURRENCIES, pl.col("currency_code"))
    template = (
        '{"coupon":{"id":"{}","percent_off":{},"amount_off":{},"currency":{},"duration":"{}",'
        '"duration_in_months":{}},"start":{},"end":{}}'
    )
    amount = choose(tuple(str(off) if off else "null" for off in cents), coupon)
    has_amount = choose(tuple("yes" if off else "no" for off in cents), coupon) == "yes"
    text = json_text(
        template,
        choose(names, coupon),
        choose(percents, coupon),
        amount,
        pl.when(has_amount).then(json_text('"{}"', money)).otherwise(pl.lit("null")),
        choose(durations, coupon),
        choose(tuple(str(count) if count else "null" for count in months), coupon),
        "coupon_start",
        pl.when(pl.col("coupon_end") >= 0)
        .then(pl.col("coupon_end").cast(pl.String))
        .otherwise(pl.lit("null")),
    )
    return pl.when(coupon >= 0).then(text)


def subscriptions(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Every change of a subscription as the whole object afterwards."""
    people = simulation.population
    rows = simulation.log.frame("subscription", ())
    who, number = rows["customer"].to_numpy(), rows["number"].to_numpy()
    anchor = people.anchor_second[who] + np.where(number == SECOND_NUMBER, START_AFTER, 0)
    trial_end = np.where(
        people.has_trial & (people.join_day > 0), unix_seconds(people.join_day, people.anchor_second), -1
    )
    rows = rows.with_columns(
        pl.Series("current_period_start", unix_seconds(rows["period_start"].to_numpy(), anchor)),
        pl.Series("current_period_end", unix_seconds(rows["period_end"].to_numpy(), anchor)),
        pl.Series("trial", np.where(number == 0, trial_end[who], -1)),
        pl.Series("resumes", unix_seconds(rows["resume_day"].to_numpy(), RESUME_SECOND)),
        currency_code=pl.col("currency"),
    ).hstack(directory.rows(rows["customer"], "stripe_id", "key"))
    price = '{"id":"{}","product":"{}","unit_amount":{},"recurring":{"interval":"{}","interval_count":1}}'
    item = '{"data":[{"price":' + price + ',"quantity":{}}]}'
    reason = choose(catalogue.CANCEL_REASONS, pl.col("reason"))
    is_given_up = pl.col("ended_second") % SECONDS_PER_DAY == GIVEN_UP_SECOND
    return reported(rows).with_columns(
        id=subscription_ref("key", "number"),
        customer=pl.col("stripe_id"),
        status=choose(STATUS_NAMES, pl.col("status")),
        currency=choose(catalogue.CURRENCIES, pl.col("currency_code")),
        items=json_text(
            item,
            price_ref(pl.col("plan"), pl.col("interval"), pl.col("currency_code")),
            choose(catalogue.PRODUCT_REFS, pl.col("plan")),
            "unit",
            choose(catalogue.INTERVALS, pl.col("interval")),
            "seats",
        ),
        discount=_coupon_json(),
        pause_collection=pl.when(pl.col("pause") >= 0).then(
            json_text(
                '{"behavior":"{}","resumes_at":{}}',
                choose(catalogue.PAUSE_BEHAVIORS, pl.col("pause")),
                "resumes",
            )
        ),
        cancellation_details=pl.when(pl.col("reason") >= 0)
        .then(json_text('{"reason":"cancellation_requested","feedback":"{}"}', reason))
        .when(is_given_up)
        .then(pl.lit('{"reason":"payment_failed","feedback":null}'))
        .when(pl.col("has_notice") | (pl.col("ended_second") >= 0))
        .then(pl.lit('{"reason":"cancellation_requested","feedback":null}'))
        .otherwise(pl.lit('{"reason":null,"feedback":null}')),
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
