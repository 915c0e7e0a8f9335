"""Bills and subscriptions: what was billed, when, and why."""

import polars as pl
import pytest

AMOUNT = "$[0].amount"


@pytest.fixture(scope="module")
def versions(landed) -> pl.DataFrame:
    text = pl.col("items").str.json_path_match
    return (
        landed.sound("stripe__subscriptions")
        .sort("event_created")
        .with_columns(
            unit=text("$.data[0].price.unit_amount").cast(pl.Int64),
            seats=text("$.data[0].quantity").cast(pl.Int64),
            product=text("$.data[0].price.product"),
            interval=text("$.data[0].price.recurring.interval"),
            duration=pl.col("discount").str.json_path_match("$.coupon.duration"),
        )
    )


@pytest.fixture(scope="module")
def lines(landed) -> pl.DataFrame:
    return (
        landed.sound("stripe__invoice_lines")
        .with_columns(
            taken_off=pl.col("discount_amounts").str.json_path_match(AMOUNT).cast(pl.Int64).fill_null(0),
            line_tax=pl.col("tax_amounts").str.json_path_match(AMOUNT).cast(pl.Int64).fill_null(0),
            begins=pl.col("period").str.json_path_match("$.start").cast(pl.Int64),
            ends=pl.col("period").str.json_path_match("$.end").cast(pl.Int64),
        )
        .sort("created")
    )


def test_lines_of_an_invoice_add_up_to_it_to_the_cent(landed, lines):
    invoices = landed.sound("stripe__invoices").with_columns(
        taken_off=pl.col("total_discount_amounts").str.json_path_match(AMOUNT).cast(pl.Int64).fill_null(0)
    )
    assert (invoices["total"] == invoices["subtotal"] - invoices["taken_off"] + invoices["tax"]).all()
    assert (invoices["total"] > 0).all() and (invoices["tax"] >= 0).all()
    sums = lines.group_by("invoice").agg(pl.col("amount", "taken_off", "line_tax").sum())
    both = invoices.unique("id").join(sums, left_on="id", right_on="invoice", how="full", validate="1:1")
    assert both["amount"].null_count() == 0 and both["id"].null_count() == 0
    assert (both["amount"] == both["subtotal"]).all()
    assert (both["taken_off_right"] == both["taken_off"]).all()
    assert (both["line_tax"] == both["tax"]).all()


def test_a_period_is_billed_at_price_times_seats_of_the_version_in_force(lines, versions):
    periods = lines.filter(type="subscription")
    both = periods.join_asof(
        versions, left_on="created", right_on="event_created", by_left="subscription", by_right="id",
        check_sortedness=False,
    )  # fmt: skip
    assert (both["unit"] * both["seats"] == both["amount"]).all()
    assert (both["product"] == both["product_right"]).all()
    assert (both["begins"] == both["current_period_start"]).all()
    assert (both["ends"] == both["current_period_end"]).all()


def test_periods_of_a_subscription_follow_each_other_without_gap_unless_it_was_paused(lines, versions):
    periods = lines.filter(type="subscription").sort("subscription", "begins")
    gaps = periods.with_columns(gap=pl.col("begins") - pl.col("ends").shift(1).over("subscription"))
    paused = versions.filter(pl.col("pause_collection").is_not_null())["id"].unique()
    steady = gaps.filter(~pl.col("subscription").is_in(paused.implode()), pl.col("gap") != 0)
    switched = versions.group_by("id").agg(pl.col("interval").n_unique()).filter(pl.col("interval") > 1)["id"]
    assert set(steady["subscription"]) <= set(switched)


def test_a_change_within_a_period_gives_back_the_rest_and_charges_it_anew(lines):
    changes = lines.filter("proration")
    pairs = changes.group_by("subscription", "begins").agg(
        pl.len(), pl.col("amount").sum(), pl.col("amount").min().alias("credit"), pl.col("taken_off").sum()
    )
    assert (pairs["credit"] < 0).all() and (pairs["taken_off"] == 0).all()
    assert (pairs.filter(pl.col("len") == 2)["amount"] > 0).all()
    assert pairs.filter(pl.col("len") == 2).height > 50
    reasons = set(changes["type"])
    assert reasons == {"invoiceitem"}


def test_prorations_are_billed_at_once_or_with_the_next_period(landed, lines):
    reason = landed.sound("stripe__invoices").unique("id").select("id", "billing_reason")
    both = lines.filter("proration").join(reason, left_on="invoice", right_on="id", validate="m:1")
    assert {"subscription_cycle", "subscription_update"} == set(both["billing_reason"])
    at_once = both.filter(billing_reason="subscription_update")
    assert (both["created"] <= both["event_created"]).all()
    assert (at_once["created"] == at_once["event_created"]).mean() > 0.8


def test_plans_move_up_at_once_and_down_at_a_renewal(versions):
    steps = versions.with_columns(
        pl.col("product", "interval", "current_period_start", "unit").shift(1).over("id").name.prefix("old_")
    )
    moved = steps.filter(
        pl.col("product") != pl.col("old_product"), pl.col("interval") == pl.col("old_interval")
    )
    up, down = moved.filter(pl.col("unit") > pl.col("old_unit")), moved.filter(
        pl.col("unit") < pl.col("old_unit")
    )  # fmt: skip
    assert up.height > 3 and down.height > 0
    assert (up["event_created"] != up["current_period_start"]).all()
    assert (down["event_created"] == down["current_period_start"]).all()
    yearly = steps.filter(pl.col("interval") == "year", pl.col("old_interval") == "month")
    assert yearly.height > 0


def test_coupons_take_off_percents_and_amounts_once_for_months_or_for_ever(lines, versions):
    assert {"once", "repeating", "forever"} == set(versions["duration"].drop_nulls())
    off = pl.col("discount").str.json_path_match
    percents = versions.select(off("$.coupon.percent_off"))["discount"].drop_nulls()
    amounts = versions.select(off("$.coupon.amount_off"))["discount"].drop_nulls()
    assert percents.len() > 0 and amounts.len() > 0
    once = versions.filter(duration="once")["id"].unique()
    bills = lines.filter(pl.col("subscription").is_in(once.implode()), type="subscription")
    assert (bills.filter(pl.col("taken_off") > 0).group_by("subscription").len()["len"] == 1).all()
    repeating = versions.filter(duration="repeating").select(
        "id", ends=off("$.end").cast(pl.Int64)
    ).unique()  # fmt: skip
    late = lines.filter(type="subscription").join(
        repeating, left_on="subscription", right_on="id", suffix="_coupon", validate="m:1"
    )
    assert (late.filter(pl.col("begins") >= pl.col("ends_coupon"))["taken_off"] == 0).all()
    assert (bills["taken_off"] > 0).mean() > 0.05


def test_bills_of_a_pause_are_void_or_not_made(landed, versions):
    pause = versions.with_columns(
        until=pl.col("event_created").shift(-1).over("id"),
        behavior=pl.col("pause_collection").str.json_path_match("$.behavior"),
    ).filter(pl.col("behavior").is_not_null())
    assert {"void", "keep_as_draft"} == set(pause["behavior"])
    last = landed.sound("stripe__invoices").sort("event_created").group_by("id").last()
    during = last.join(pause, left_on="subscription", right_on="id", suffix="_pause").filter(
        pl.col("created") >= pl.col("event_created_pause"),
        pl.col("created") < pl.col("until"),
        pl.col("status") != "canceled",
    )
    assert during.height > 0
    assert set(during["status"]) == {"void"} and set(during["behavior"]) == {"void"}
    resumed = versions.filter(pl.col("id").is_in(pause["id"].implode())).group_by("id").last()
    assert resumed["pause_collection"].is_null().any()


def test_some_customers_have_two_subscriptions_at_once_and_one_of_them_ends(landed, versions):
    spans = versions.group_by("customer", "id").agg(
        pl.col("start_date").first(), pl.col("ended_at").max().fill_null(2**40), pl.col("currency").first()
    )
    pairs = spans.join(spans, on="customer", suffix="_other").filter(
        pl.col("start_date") < pl.col("start_date_other"),
        pl.col("ended_at") > pl.col("start_date_other"),
    )
    assert pairs.height > 0
    assert (pairs["ended_at_other"] <= pairs["ended_at"]).all()
    follow = spans.join(spans, on="customer", suffix="_next").filter(
        pl.col("ended_at") == pl.col("start_date_next"), pl.col("currency") != pl.col("currency_next")
    )
    assert follow.height > 0


def test_one_off_items_have_no_subscription_and_their_own_products(lines):
    once = lines.filter(pl.col("product").is_in(["prod_onboarding", "prod_training"]))
    assert once["subscription"].null_count() == once.height
    assert set(once["product"]) == {"prod_onboarding", "prod_training"}
    assert not once["proration"].any() and set(once["type"]) == {"invoiceitem"}


def test_tax_is_billed_to_some_at_the_rate_of_their_country(lines):
    taxed = lines.filter(pl.col("line_tax") != 0, pl.col("amount").abs() > 5_000)
    rate = taxed["line_tax"] / (taxed["amount"] - taxed["taken_off"])
    assert 0.15 < taxed.height / lines.filter(pl.col("amount").abs() > 5_000).height < 0.6
    assert rate.min() > 0.05 and rate.max() < 0.22 and rate.round(3).n_unique() > 5
    assert (lines.filter(pl.col("amount") < 0)["line_tax"] <= 0).all()


def test_money_is_taken_in_the_currency_of_the_bill(landed):
    bills = landed.sound("stripe__invoices").unique("id").select("id", bill_currency="currency")
    both = landed.sound("stripe__charges").join(bills, left_on="invoice", right_on="id", validate="m:1")
    assert (both["currency"] == both["bill_currency"]).all()
    assert {"usd", "eur", "gbp", "cad", "chf"} >= set(bills["bill_currency"])


def test_monthly_revenue_of_the_truth_is_that_of_the_versions_in_force(landed, versions):
    who = landed.truth("identities").filter(system="stripe", object="customers")
    revenue = landed.truth("mrr_monthly")
    assert revenue.select("true_customer_ref", "month_end_date").is_unique().all()
    month_end = (pl.col("month_end_date").cast(pl.Datetime("us")).dt.epoch("s")) + 86_400 - 1
    moments = revenue.select("month_end_date", second=month_end).unique()
    state = versions.join(moments, how="cross").filter(pl.col("event_created") <= pl.col("second"))
    state = state.sort("event_created").group_by("id", "month_end_date", maintain_order=True).last()
    off = pl.col("discount").str.json_path_match
    lasts = off("$.end").cast(pl.Int64).fill_null(2**40) > pl.col("second")
    lasts &= pl.col("duration").fill_null("once") != "once"
    gross = pl.col("unit") * pl.col("seats")
    points = (off("$.coupon.percent_off").cast(pl.Float64).fill_null(0) * 100).round().cast(pl.Int64)
    taken = (gross * points * 2 + 10_000) // 20_000 + off("$.coupon.amount_off").cast(pl.Int64).fill_null(0)
    months = pl.when(pl.col("interval") == "year").then(12).otherwise(1)
    net = gross - pl.when(lasts).then(pl.min_horizontal(taken, gross)).otherwise(0)
    counts = pl.col("status").is_in(["active", "past_due"]) & pl.col("pause_collection").is_null()
    expected = (
        state.filter(pl.col("status").is_in(["active", "past_due"]))
        .with_columns(cents=pl.when(counts).then((net * 2 + months) // (2 * months)).otherwise(0))
        .join(who, left_on="customer", right_on="source_ref", validate="m:1")
        .group_by("true_customer_ref", "month_end_date")
        .agg(pl.col("cents").sum(), pl.col("currency").last())
    )
    both = revenue.join(expected, on=["true_customer_ref", "month_end_date"], how="full", coalesce=True)
    assert both["cents"].null_count() == 0 and both["mrr_cents"].null_count() == 0
    assert (both["cents"] == both["mrr_cents"]).all() and (both["currency"] == both["currency_right"]).all()
    assert revenue["is_paused"].any() and (revenue.filter("is_paused")["mrr_cents"] >= 0).all()
