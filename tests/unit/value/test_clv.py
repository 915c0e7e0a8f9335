import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from polars.testing import assert_frame_equal

from dagster_project.value.clv import score_clv
from dagster_project.value.survival import SubscriberSurvival

MakeFeatures = Callable[..., pl.DataFrame]
MARGIN = 0.8


@pytest.fixture
def buyers(make_features: MakeFeatures) -> pl.DataFrame:
    """300 customers without a subscription and with a purchase, many of them with repeats."""
    rng = np.random.default_rng(1)
    age = rng.integers(30, 700, 300)
    repeats = np.minimum(rng.poisson(rng.gamma(0.7, 3, 300)), age - 1)
    span = np.where(repeats > 0, np.ceil(age * rng.beta(2, 1, 300)), 0).astype(int).clip(repeats, age)
    first_day = rng.gamma(4, 10, 300).round(2)
    repeat_spend = (repeats * rng.gamma(4, 10, 300)).round(2)
    return make_features(
        300,
        customer_id=[f"buyer{i:03d}" for i in range(300)],
        purchase_day_count=(repeats + 1).tolist(),
        days_since_first_purchase=age.tolist(),
        purchase_span_days=span.tolist(),
        spend_amount=(first_day + repeat_spend).round(2).tolist(),
        gross_spend_amount=(first_day + repeat_spend).round(2).tolist(),
        first_day_spend_amount=first_day.tolist(),
        has_ever_subscribed=[False] * 300,
        is_subscriber=[False] * 300,
    )


@pytest.fixture
def subscribers(make_features: MakeFeatures) -> pl.DataFrame:
    """200 customers with a subscription, 60 of them ended; they have purchases too: their invoices."""
    rng = np.random.default_rng(2)
    days = rng.integers(1, 1200, 200).tolist()
    is_active = [i >= 60 for i in range(200)]
    return make_features(
        200,
        customer_id=[f"subscriber{i:03d}" for i in range(200)],
        purchase_day_count=[5] * 200,
        days_since_first_purchase=[1200] * 200,
        purchase_span_days=[300] * 200,
        spend_amount=[500] * 200,
        gross_spend_amount=[500] * 200,
        first_day_spend_amount=[100] * 200,
        has_ever_subscribed=[True] * 200,
        is_subscriber=is_active,
        subscribed_days=days,
        mrr_amount=[100.0 if active else 0.0 for active in is_active],
    )


def test_active_subscribers_are_worth_their_margin_over_the_survival_curve(subscribers: pl.DataFrame) -> None:
    values, _ = score_clv(subscribers, MARGIN)
    model = SubscriberSurvival().fit(
        subscribers["subscribed_days"].to_numpy(), ~subscribers["is_subscriber"].to_numpy()
    )
    active = values.filter(pl.Series([i >= 60 for i in range(200)]))
    months = model.expected_months(subscribers["subscribed_days"].to_numpy()[60:])
    assert active["model"].unique().to_list() == ["subscriber_survival"]
    assert active["expected_purchases"].to_numpy() == pytest.approx(months)
    assert active["predicted_clv_amount"].cast(pl.Float64).to_numpy() == pytest.approx(80 * months, abs=0.01)
    assert (active["probability_alive"] == 1).all()
    assert active["expected_purchases"].is_between(0, 12).all()


def test_ended_subscribers_are_scored_with_zero(subscribers: pl.DataFrame) -> None:
    values, _ = score_clv(subscribers, MARGIN)
    ended = values.head(60)
    assert (ended["status"] == "scored").all()
    assert ended.select("predicted_clv_amount", "probability_alive", "expected_purchases").sum().row(0) == (
        0,
        0,
        0,
    )
    assert (ended["value_tier"] == "LOW").all()


def test_buyers_without_subscription_are_valued_by_purchases(buyers: pl.DataFrame) -> None:
    values, parameters = score_clv(buyers, MARGIN)
    assert values["model"].unique().to_list() == ["bg_nbd_gamma_gamma"]
    assert values["probability_alive"].is_between(0, 1).all()
    assert (values["predicted_clv_amount"] >= 0).all()
    estimates = {row["parameter"]: row["estimate"] for row in parameters.to_dicts()}
    single = buyers["purchase_day_count"] == 1
    mean_spend = estimates["p"] * estimates["v"] / (estimates["q"] - 1)
    expected = values.filter(single)["expected_purchases"].to_numpy() * mean_spend * MARGIN
    assert values.filter(single)["predicted_clv_amount"].cast(pl.Float64).to_numpy() == pytest.approx(
        expected, abs=0.01
    )


def test_invoices_of_subscribers_do_not_teach_the_purchase_model(
    buyers: pl.DataFrame, subscribers: pl.DataFrame
) -> None:
    alone, _ = score_clv(buyers, MARGIN)
    together, parameters = score_clv(pl.concat([subscribers, buyers]), MARGIN)
    assert_frame_equal(
        together.filter(pl.col("model") == "bg_nbd_gamma_gamma").drop("value_tier"), alone.drop("value_tier")
    )
    counts = dict(parameters.group_by("model").agg(pl.col("customer_count").first()).rows())
    assert counts["bg_nbd"] == 300
    assert counts["subscriber_survival"] == 200


def test_value_is_proportional_to_the_margin(buyers: pl.DataFrame, subscribers: pl.DataFrame) -> None:
    features = pl.concat([subscribers, buyers])
    full, none = score_clv(features, 1.0)[0], score_clv(features, 0.0)[0]
    part = score_clv(features, 0.5)[0]
    assert none["predicted_clv_amount"].sum() == 0
    half = full["predicted_clv_amount"].cast(pl.Float64).to_numpy() / 2
    assert part["predicted_clv_amount"].cast(pl.Float64).to_numpy() == pytest.approx(half, abs=0.011)


def test_tiers_are_the_best_fifth_and_the_next_three_tenths(buyers: pl.DataFrame) -> None:
    values, _ = score_clv(buyers, MARGIN)
    tiers = dict(values.group_by("value_tier").len().rows())
    assert tiers == {"HIGH": 60, "MEDIUM": 90, "LOW": 150}
    ranges = {
        tier: (amounts.min(), amounts.max())
        for tier in tiers
        for amounts in [values.filter(pl.col("value_tier") == tier)["predicted_clv_amount"]]
    }
    assert ranges["HIGH"][0] > ranges["MEDIUM"][1]
    assert ranges["MEDIUM"][0] > ranges["LOW"][1]


def test_equal_values_share_a_tier_and_the_unscored_have_none(
    buyers: pl.DataFrame, subscribers: pl.DataFrame, make_features: MakeFeatures
) -> None:
    values, _ = score_clv(pl.concat([buyers, subscribers, make_features(50)]), MARGIN)
    scored = values.filter(pl.col("status") == "scored")
    assert (
        scored.group_by("predicted_clv_amount").agg(pl.col("value_tier").n_unique())["value_tier"].max() == 1
    )
    assert scored["value_tier"].null_count() == 0
    unscored = values.filter(pl.col("status") == "insufficient_data")
    assert unscored.height == 50
    assert unscored["value_tier"].null_count() == 50


def test_customers_about_whom_nothing_is_known_have_insufficient_data(make_features: MakeFeatures) -> None:
    values, parameters = score_clv(make_features(5), MARGIN)
    assert values["status"].to_list() == ["insufficient_data"] * 5
    assert (values["historical_value_amount"] == 0).all()
    empty = values.select(
        "model", "predicted_clv_amount", "probability_alive", "expected_purchases", "value_tier"
    )
    assert empty.null_count().row(0) == (5, 5, 5, 5, 5)
    assert parameters.height == 0
    assert values.schema == contract_schema("gold", "customer_clv")
    assert parameters.schema == contract_schema("gold", "clv_model_parameters")


def test_no_customers_give_no_rows_in_the_columns_of_the_contracts(make_features: MakeFeatures) -> None:
    values, parameters = score_clv(make_features(1).clear(), MARGIN)
    assert (values.height, parameters.height) == (0, 0)
    assert values.schema == contract_schema("gold", "customer_clv")
    assert parameters.schema == contract_schema("gold", "clv_model_parameters")


def test_too_few_buyers_are_not_scored_while_subscribers_are(
    buyers: pl.DataFrame, subscribers: pl.DataFrame
) -> None:
    values, parameters = score_clv(pl.concat([buyers.head(40), subscribers]), MARGIN)
    status = dict(values.group_by("model").agg(pl.col("status").unique().first()).rows())
    assert status == {None: "insufficient_data", "subscriber_survival": "scored"}
    assert values.head(40)["historical_value_amount"].sum() == buyers.head(40)["spend_amount"].sum()
    assert parameters["model"].unique().to_list() == ["subscriber_survival"]


def test_histories_that_cannot_be_are_left_out(buyers: pl.DataFrame, subscribers: pl.DataFrame) -> None:
    ended_before_begin = (
        pl.when(pl.col("customer_id") == "subscriber007").then(-3).otherwise("subscribed_days")
    )
    span_beyond_age = pl.when(pl.col("customer_id") == "buyer007").then(9999).otherwise("purchase_span_days")
    features = pl.concat([buyers, subscribers]).with_columns(
        subscribed_days=ended_before_begin, purchase_span_days=span_beyond_age
    )
    values, _ = score_clv(features, MARGIN)
    assert values.filter(pl.col("status") != "scored")["customer_id"].to_list() == [
        "buyer007",
        "subscriber007",
    ]


def test_row_order_changes_nothing(buyers: pl.DataFrame, subscribers: pl.DataFrame) -> None:
    features = pl.concat([subscribers, buyers])
    shuffled = features.sample(fraction=1, shuffle=True, seed=7)
    for first, second in zip(score_clv(features, MARGIN), score_clv(shuffled, MARGIN), strict=True):
        assert_frame_equal(first, second, check_exact=True)


def test_parameters_have_errors_likelihood_and_the_curve(
    buyers: pl.DataFrame, subscribers: pl.DataFrame
) -> None:
    _, parameters = score_clv(pl.concat([buyers, subscribers]), MARGIN)
    assert parameters.schema == contract_schema("gold", "clv_model_parameters")
    assert parameters.select("model", "parameter").is_unique().all()
    names = parameters.group_by("model").agg(pl.col("parameter").sort()).sort("model")
    assert names.rows() == [
        ("bg_nbd", ["a", "alpha", "b", "r"]),
        ("gamma_gamma", ["p", "q", "v"]),
        ("subscriber_survival", [f"survival_day_{day}" for day in (1095, 180, 30, 365, 730, 90)]),
    ]
    curve = parameters.filter(pl.col("model") == "subscriber_survival")
    assert curve["estimate"].is_between(0, 1).all()
    assert parameters["estimate"].is_finite().all()


def test_a_margin_that_is_no_share_and_several_days_are_refused(buyers: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        score_clv(buyers, 80)
    other_day = buyers.with_columns(as_of_date=pl.lit(dt.date(2026, 9, 29)))
    with pytest.raises(ValueError, match="one as_of_date"):
        score_clv(pl.concat([buyers, other_day]), MARGIN)


def test_the_whole_cdnow_cohort_is_valued(cdnow_features: pl.DataFrame) -> None:
    values, parameters = score_clv(cdnow_features, 1.0)
    assert (values["status"] == "scored").all()
    assert values.height == 23_570
    estimates = {row["parameter"]: row["estimate"] for row in parameters.to_dicts()}
    assert estimates["alpha"] == pytest.approx(4.789, rel=0.005)
    assert estimates["p"] == pytest.approx(6.275, rel=0.01)
