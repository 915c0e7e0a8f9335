import datetime as dt
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from polars.testing import assert_frame_equal
from shops import LAST_DAY, Shop, simulated_shop

from dagster_project.value.clv import CHURN, score_clv
from dagster_project.value.contest import run_contest
from dagster_project.value.survival import SubscriberSurvival
from dagster_project.value.value_rows import HORIZONS_DAYS, Terms

MakeFeatures = Callable[..., pl.DataFrame]
TERMS = Terms(gross_margin_share=0.8, annual_discount_share=0.1)
QUANTILES = ("p05", "p50", "p95")
CHURN_DAYS = 90
NO_CHURN = (pl.DataFrame(schema=CHURN), CHURN_DAYS)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulated_shop(500, seed=8)


@pytest.fixture(scope="module")
def contest(shop: Shop) -> pl.DataFrame:
    return run_contest(shop.purchase_days, shop.features, LAST_DAY)


@pytest.fixture
def buyers(shop: Shop, make_features: MakeFeatures) -> pl.DataFrame:
    columns = {name: shop.features[name].to_list() for name in shop.features.columns}
    return make_features(shop.features.height, **columns)


@pytest.fixture
def subscribers(make_features: MakeFeatures) -> pl.DataFrame:
    """200 customers with a subscription, 60 of them ended, and the last of the others paused."""
    rng = np.random.default_rng(2)
    is_active = [i >= 60 for i in range(200)]
    return make_features(
        200,
        customer_id=[f"subscriber{i:03d}" for i in range(200)],
        spend_amount=[500] * 200,
        has_ever_subscribed=[True] * 200,
        is_subscriber=is_active,
        subscribed_days=rng.integers(1, 1200, 200).tolist(),
        mrr_amount=[100.0 if active else 0.0 for active in is_active[:-1]] + [0.0],
        paused_mrr_amount=[0.0] * 199 + [100.0],
        days_until_resumption=[None] * 199 + [45],
    )


@pytest.fixture
def no_purchases(shop: Shop) -> pl.DataFrame:
    return shop.purchase_days.clear()


@pytest.fixture
def no_contest(shop: Shop, no_purchases: pl.DataFrame) -> pl.DataFrame:
    return run_contest(no_purchases, shop.features, LAST_DAY)


def of_year(values: pl.DataFrame) -> pl.DataFrame:
    return values.filter(pl.col("horizon_days") == 365)


def amount(values: pl.DataFrame, name: str) -> np.ndarray:
    return values[name].cast(pl.Float64).to_numpy()


def test_every_customer_has_a_row_for_each_horizon_in_the_columns_of_the_contracts(
    shop: Shop, buyers: pl.DataFrame, subscribers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    values, parameters = score_clv(
        pl.concat([subscribers, buyers]), shop.purchase_days, contest, *NO_CHURN, TERMS
    )
    assert values.schema == contract_schema("gold", "customer_clv")
    assert parameters.schema == contract_schema("gold", "clv_model_parameters")
    per_customer = values.group_by("customer_id").agg(pl.col("horizon_days"))
    assert all(horizons == list(HORIZONS_DAYS) for horizons in per_customer["horizon_days"].to_list())
    names = parameters.group_by("model").agg(pl.col("parameter").sort()).sort("model")
    assert names.rows() == [
        ("bg_nbd", ["a", "alpha", "b", "r"]),
        ("gamma_gamma", ["p", "q", "v"]),
        ("mbg_nbd", ["a", "alpha", "b", "r"]),
        ("pareto_nbd", ["alpha", "beta", "r", "s"]),
        ("subscriber_survival", [f"survival_day_{day}" for day in (1095, 180, 30, 365, 730, 90)]),
    ]


def test_values_grow_with_the_horizon_and_shrink_when_discounted(
    shop: Shop, buyers: pl.DataFrame, subscribers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    values, _ = score_clv(pl.concat([subscribers, buyers]), shop.purchase_days, contest, *NO_CHURN, TERMS)
    by_horizon = [values.filter(pl.col("horizon_days") == days) for days in HORIZONS_DAYS]
    for name in ("predicted_clv_amount", *(f"predicted_clv_{q}_amount" for q in QUANTILES)):
        for shorter, longer in zip(by_horizon, by_horizon[1:], strict=False):
            assert np.all(amount(longer, name) >= amount(shorter, name))
        discounted = amount(values, name.replace("predicted", "discounted"))
        assert np.all(discounted <= amount(values, name) + 0.01)
    low, middle, high = (amount(values, f"predicted_clv_{q}_amount") for q in QUANTILES)
    assert np.all((low <= middle) & (middle <= high))
    lost = (
        amount(by_horizon[2], "discounted_clv_amount").sum()
        / amount(by_horizon[2], "predicted_clv_amount").sum()
    )
    assert 1.1**-2 < lost < 1.1**-0.5  # most comes in the first of the three years
    undiscounted, _ = score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, Terms(0.8, 0.0))
    for name in ("clv_amount", *(f"clv_{q}_amount" for q in QUANTILES)):
        assert amount(undiscounted, f"discounted_{name}") == pytest.approx(
            amount(undiscounted, f"predicted_{name}"), abs=0.02
        )


def test_intervals_of_buyers_cover_what_they_then_spent(
    shop: Shop, buyers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    values = of_year(score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, TERMS)[0])
    spent = (
        shop.purchase_days.filter(pl.col("purchase_date") > LAST_DAY)
        .group_by("customer_id")
        .agg(spent=pl.col("gross_spend_amount").sum().cast(pl.Float64) * 0.8)
    )
    found = values.join(spent, on="customer_id", how="left", validate="1:1", maintain_order="left")
    actual = found["spent"].fill_null(0.0).to_numpy()
    low, high = (amount(found, f"predicted_clv_{q}_amount") for q in ("p05", "p95"))
    assert 0.85 <= np.mean((actual >= low - 0.01) & (actual <= high + 0.01)) <= 0.98
    assert amount(found, "predicted_clv_amount").sum() == pytest.approx(actual.sum(), rel=0.25)


def test_simulated_medians_lie_about_the_means(
    shop: Shop, buyers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    """The mean comes from the closed form, the quantiles from draws: both are of the same customer."""
    values = of_year(score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, TERMS)[0])
    sure = values.filter(pl.col("expected_purchases") > 8)
    ratio = amount(sure, "predicted_clv_p50_amount") / amount(sure, "predicted_clv_amount")
    assert len(ratio) > 20
    assert np.mean(ratio) == pytest.approx(1, abs=0.12)


def test_who_bought_once_is_worth_what_all_such_customers_are(
    shop: Shop, buyers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    values = of_year(score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, TERMS)[0])
    days = shop.purchase_days.filter(pl.col("purchase_date") <= LAST_DAY).group_by("customer_id").len()
    once = days.filter(pl.col("len") == 1)["customer_id"].to_list()
    assert values.filter(pl.col("status") == "prior_only")["customer_id"].sort().to_list() == sorted(once)
    assert set(values["status"]) == {"scored", "prior_only"}


def test_active_subscribers_are_worth_their_margin_over_the_survival_curve(
    subscribers: pl.DataFrame, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    values, _ = score_clv(subscribers, no_purchases, no_contest, *NO_CHURN, TERMS)
    model = SubscriberSurvival().fit(
        subscribers["subscribed_days"].to_numpy(), ~subscribers["is_subscriber"].to_numpy()
    )
    for days, months in ((90, 3), (365, 12), (1095, 36)):
        active = values.filter(pl.col("horizon_days") == days)[60:199]
        expected = model.expected_months(subscribers["subscribed_days"].to_numpy()[60:199], months)
        assert active["expected_purchases"].to_numpy() == pytest.approx(expected)
        assert amount(active, "predicted_clv_amount") == pytest.approx(80 * expected, abs=0.01)
        assert set(active["status"]) == {"scored"}


def test_intervals_of_subscribers_are_those_of_simulated_months(
    subscribers: pl.DataFrame, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    values = of_year(score_clv(subscribers, no_purchases, no_contest, *NO_CHURN, TERMS)[0])
    tenure = subscribers["subscribed_days"].to_numpy()
    model = SubscriberSurvival().fit(tenure, ~subscribers["is_subscriber"].to_numpy())
    rng = np.random.default_rng(5)
    for who in (70, 120, 198):
        reached = model.conditional_survival(tenure[who : who + 1, None], 365 / 12 * np.arange(1, 13))[0]
        months = np.sum(rng.random((20_000, 1)) < reached, axis=1)
        row = values.row(who, named=True)
        for q, share in zip(QUANTILES, (0.05, 0.5, 0.95), strict=True):
            near = {80 * int(np.quantile(months, share + step, method="lower")) for step in (-0.01, 0, 0.01)}
            assert float(row[f"predicted_clv_{q}_amount"]) in near


def test_former_customers_are_worth_nothing_and_have_a_tier_of_their_own(
    subscribers: pl.DataFrame, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    values = of_year(score_clv(subscribers, no_purchases, no_contest, *NO_CHURN, TERMS)[0])
    former = values.head(60)
    assert set(former["status"]) == {"former"}
    assert set(former["value_tier"]) == {"FORMER"}
    assert former.select("predicted_clv_amount", "probability_alive", "expected_purchases").sum().row(0) == (
        0,
        0,
        0,
    )
    assert former["value_percentile_share"].null_count() == 60
    assert "FORMER" not in set(values[60:]["value_tier"])


def test_who_pauses_keeps_the_value_of_the_resumption(
    subscribers: pl.DataFrame, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    resumed = subscribers.with_columns(
        mrr_amount=pl.when(pl.col("customer_id") == "subscriber199").then(100).otherwise("mrr_amount"),
        paused_mrr_amount=pl.lit(0),
    )
    paused = of_year(score_clv(subscribers, no_purchases, no_contest, *NO_CHURN, TERMS)[0]).row(
        199, named=True
    )
    paying = of_year(score_clv(resumed, no_purchases, no_contest, *NO_CHURN, TERMS)[0]).row(199, named=True)
    assert paused["status"] == "paused"
    assert paying["status"] == "scored"
    # 45 days are one whole month that is not paid.
    assert 0.5 < paying["expected_purchases"] - paused["expected_purchases"] <= 1
    assert paused["predicted_clv_amount"] > 0
    assert paused["value_tier"] in ("HIGH", "MEDIUM", "LOW")


def test_nothing_is_at_risk_without_a_probability_and_nothing_at_stake_without_a_contract(
    buyers: pl.DataFrame, subscribers: pl.DataFrame, shop: Shop, contest: pl.DataFrame
) -> None:
    known = subscribers.select("customer_id", churn_probability=pl.lit(0.1))[100:]
    everybody = pl.concat([subscribers, buyers])
    values, _ = score_clv(everybody, shop.purchase_days, contest, known, CHURN_DAYS, TERMS)
    is_subscriber = pl.col("customer_id").str.starts_with("subscriber")
    of_subscribers, of_buyers = values.filter(is_subscriber), values.filter(~is_subscriber)
    assert of_buyers["value_at_stake_amount"].null_count() == of_buyers.height
    assert of_subscribers["value_at_risk_amount"].null_count() == 300
    former = of_subscribers.filter(pl.col("status") == "former")
    assert set(former["value_at_stake_amount"].cast(pl.Float64)) == {0.0}
    short = of_subscribers.filter(pl.col("horizon_days") == CHURN_DAYS, pl.col("status") == "scored")
    longer = of_year(of_subscribers).filter(pl.col("status") == "scored")
    assert amount(longer, "value_at_stake_amount").min() > amount(short, "value_at_stake_amount").max()


def test_invoices_of_subscribers_do_not_teach_the_purchase_model(
    shop: Shop, buyers: pl.DataFrame, subscribers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    bills = subscribers.select(
        "customer_id",
        purchase_date=pl.lit(LAST_DAY - dt.timedelta(30)),
        gross_spend_amount=pl.lit(100).cast(pl.Decimal(18, 2)),
        purchase_count=pl.lit(1, dtype=pl.Int64),
    )
    standing = ("value_tier", "value_percentile_share")
    alone, _ = score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, TERMS)
    both = pl.concat([shop.purchase_days, bills])
    together, parameters = score_clv(pl.concat([subscribers, buyers]), both, contest, *NO_CHURN, TERMS)
    assert_frame_equal(
        together.filter(pl.col("customer_id").str.starts_with("b")).drop(standing), alone.drop(standing)
    )
    counts = dict(parameters.group_by("model").agg(pl.col("customer_count").first()).rows())
    assert counts["bg_nbd"] == buyers.height
    assert counts["subscriber_survival"] == 200


def test_value_is_proportional_to_the_margin(shop: Shop, buyers: pl.DataFrame, contest: pl.DataFrame) -> None:
    full, part, none = (
        score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, Terms(share, 0.1))[0]
        for share in (1.0, 0.5, 0.0)
    )
    for name in ("predicted_clv_amount", "predicted_clv_p95_amount", "discounted_clv_amount"):
        assert amount(none, name).sum() == 0
        assert amount(part, name) == pytest.approx(amount(full, name) / 2, abs=0.011)


def test_tiers_are_the_best_fifth_and_the_next_three_tenths_of_those_who_are_valued(
    shop: Shop, buyers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    values = of_year(score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, TERMS)[0])
    shares = {tier: count / buyers.height for tier, count in values.group_by("value_tier").len().rows()}
    assert shares["HIGH"] == pytest.approx(0.2, abs=0.01)
    assert shares["MEDIUM"] == pytest.approx(0.3, abs=0.01)
    best, rest = (values.filter((pl.col("value_tier") == "HIGH") == is_best) for is_best in (True, False))
    assert best["predicted_clv_amount"].min() > rest["predicted_clv_amount"].max()
    assert best["value_percentile_share"].min() > rest["value_percentile_share"].max()
    assert values["value_percentile_share"].mean() == pytest.approx(0.5)


def test_a_change_is_told_where_the_earlier_day_is_there(
    shop: Shop, buyers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    values, _ = score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, TERMS)
    assert values["change_over_90_days_amount"].null_count() == values.height
    before = values.with_columns((pl.col("predicted_clv_amount") - 7).cast(pl.Decimal(18, 2))).head(30)
    later, _ = score_clv(buyers, shop.purchase_days, contest, *NO_CHURN, TERMS, before)
    assert set(later.head(30)["change_over_90_days_amount"].cast(pl.Float64)) == {7.0}
    assert later["change_over_90_days_amount"].null_count() == values.height - 30


@pytest.mark.parametrize("winner", ["blend", "boosted_tweedie", "bg_nbd_gamma_gamma"])
def test_values_are_those_of_the_winner(
    shop: Shop, buyers: pl.DataFrame, contest: pl.DataFrame, winner: str
) -> None:
    chosen = contest.with_columns(is_winner=pl.col("model") == winner)
    values, _ = score_clv(buyers, shop.purchase_days, chosen, *NO_CHURN, TERMS)
    assert set(values["model"]) == {winner}
    low, mean, high = (amount(values, f"predicted_clv_{name}amount").sum() for name in ("p05_", "", "p95_"))
    assert low < mean < high


def test_customers_about_whom_nothing_is_known_have_insufficient_data(
    make_features: MakeFeatures, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    values, parameters = score_clv(make_features(5), no_purchases, no_contest, *NO_CHURN, TERMS)
    assert values["status"].to_list() == ["insufficient_data"] * 15
    assert (values["historical_value_amount"] == 0).all()
    filled = {"customer_id", "as_of_date", "horizon_days", "status", "historical_value_amount"}
    assert all(values[name].null_count() == 15 for name in set(values.columns) - filled)
    assert parameters.height == 0
    for features in (make_features(5), make_features(1).clear()):
        values, parameters = score_clv(features, no_purchases, no_contest, *NO_CHURN, TERMS)
        assert values.schema == contract_schema("gold", "customer_clv")
        assert parameters.schema == contract_schema("gold", "clv_model_parameters")


def test_too_few_buyers_are_not_scored_while_subscribers_are(
    shop: Shop, buyers: pl.DataFrame, subscribers: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    values, parameters = score_clv(
        pl.concat([buyers.head(40), subscribers]), shop.purchase_days, no_contest, *NO_CHURN, TERMS
    )
    status = dict(values.group_by("model").agg(pl.col("status").unique().sort()).rows())
    assert status == {
        None: ["insufficient_data"],
        "subscriber_survival": ["former", "paused", "scored"],
    }
    assert parameters["model"].unique().to_list() == ["subscriber_survival"]


def test_subscriptions_that_cannot_be_are_left_out(
    subscribers: pl.DataFrame, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    wrong = pl.when(pl.col("customer_id") == "subscriber007").then(-3).otherwise("subscribed_days")
    values, _ = score_clv(
        subscribers.with_columns(subscribed_days=wrong), no_purchases, no_contest, *NO_CHURN, TERMS
    )
    assert set(values.filter(pl.col("status") == "insufficient_data")["customer_id"]) == {"subscriber007"}


def test_row_order_changes_nothing(
    shop: Shop, buyers: pl.DataFrame, subscribers: pl.DataFrame, contest: pl.DataFrame
) -> None:
    features = pl.concat([subscribers, buyers])
    shuffled, purchases = (
        frame.sample(fraction=1, shuffle=True, seed=7) for frame in (features, shop.purchase_days)
    )
    first, second = (
        score_clv(features, shop.purchase_days, contest, *NO_CHURN, TERMS),
        score_clv(shuffled, purchases, contest, *NO_CHURN, TERMS),
    )
    for one, other in zip(first, second, strict=True):
        assert_frame_equal(one, other, check_exact=True)


def test_terms_that_are_no_shares_and_several_days_are_refused(
    buyers: pl.DataFrame, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Terms(80, 0.1)
    with pytest.raises(ValueError, match="not be below 0"):
        Terms(0.8, -0.1)
    other_day = buyers.with_columns(as_of_date=pl.lit(dt.date(2026, 9, 29)))
    with pytest.raises(ValueError, match="one as_of_date"):
        score_clv(pl.concat([buyers, other_day]), no_purchases, no_contest, *NO_CHURN, TERMS)
