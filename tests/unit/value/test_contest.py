import datetime as dt

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from shops import FIRST_DAY, LAST_DAY, Shop, simulated_shop

from dagster_project.value.buyers import bought_within, buyers_at, purchases_without_contract
from dagster_project.value.contest import (
    BLEND,
    BOOSTED,
    CANDIDATES,
    CORRECTION_LIMITS,
    LAST_PERIOD,
    LAST_YEAR,
    NAIVE,
    corrections,
    run_contest,
    winner_of,
)
from dagster_project.value.forecast_measures import normalised_gini
from dagster_project.value.purchase_models import fit_models

amounts = st.lists(st.integers(0, 50).map(float), min_size=2, max_size=30)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulated_shop(900, seed=4)


@pytest.fixture(scope="module")
def contest(shop: Shop) -> pl.DataFrame:
    return run_contest(shop.purchase_days, shop.features, LAST_DAY)


def row(contest: pl.DataFrame, model: str) -> dict:
    return contest.row(by_predicate=pl.col("model") == model, named=True)


def test_every_candidate_has_a_row_in_the_columns_of_the_contract(contest: pl.DataFrame) -> None:
    assert contest.schema == contract_schema("gold", "clv_model_contest")
    assert contest["model"].to_list() == sorted(CANDIDATES)
    assert (contest["status"] == "judged").all()
    assert contest["note"].null_count() == len(CANDIDATES)


def test_the_window_is_the_last_year_and_the_models_knew_nothing_of_it(
    shop: Shop, contest: pl.DataFrame
) -> None:
    assert set(contest["window_days"]) == {365}
    assert set(contest["train_until_date"]) == {LAST_DAY - dt.timedelta(365)}
    later = pl.col("purchase_date") > LAST_DAY - dt.timedelta(365)
    other = shop.purchase_days.with_columns(
        gross_spend_amount=pl.when(later)
        .then(pl.col("gross_spend_amount") * 3)
        .otherwise("gross_spend_amount")
        .cast(pl.Decimal(18, 2))
    )
    changed = run_contest(other, shop.features, LAST_DAY)
    assert changed["predicted_spend_amount"].equals(contest["predicted_spend_amount"])
    assert not changed["actual_spend_amount"].equals(contest["actual_spend_amount"])


def test_purchases_after_the_day_change_nothing(shop: Shop, contest: pl.DataFrame) -> None:
    until = shop.purchase_days.filter(pl.col("purchase_date") <= LAST_DAY)
    assert until.height < shop.purchase_days.height
    assert_frame_equal(run_contest(until, shop.features, LAST_DAY), contest)


def test_actual_and_naive_forecasts_are_what_was_bought(shop: Shop, contest: pl.DataFrame) -> None:
    begin = LAST_DAY - dt.timedelta(365)
    known = shop.purchase_days.filter(pl.col("purchase_date") <= begin)["customer_id"].unique()
    of_known = shop.purchase_days.filter(pl.col("customer_id").is_in(known.to_list()))
    spend_of = {
        year: of_known.filter(
            pl.col("purchase_date") > LAST_DAY - dt.timedelta(365 * (year + 1)),
            pl.col("purchase_date") <= LAST_DAY - dt.timedelta(365 * year),
        )["gross_spend_amount"].sum()
        for year in (0, 1)
    }
    assert row(contest, LAST_PERIOD)["actual_spend_amount"] == spend_of[0]
    assert row(contest, LAST_PERIOD)["predicted_spend_amount"] == spend_of[1]
    assert row(contest, LAST_YEAR)["predicted_spend_amount"] == spend_of[1]  # a window of a year: the same
    assert row(contest, LAST_PERIOD)["customer_count"] == len(known)


def test_the_smallest_loss_wins_and_the_naive_cannot(contest: pl.DataFrame) -> None:
    loss = 1 - contest["normalised_gini"] + contest["total_error_ratio"].abs()
    mean = contest["actual_spend_amount"].cast(pl.Float64) / contest["customer_count"]
    loss += contest["mean_absolute_error_amount"].cast(pl.Float64) / mean
    assert contest["loss"].to_numpy() == pytest.approx(loss.to_numpy(), abs=1e-3)
    can_win = contest.filter(~pl.col("model").is_in(NAIVE))
    assert contest.filter("is_winner")["model"].to_list() == [
        can_win.sort("loss")["model"][0],
    ]


def test_models_beat_those_that_repeat_the_past(contest: pl.DataFrame) -> None:
    winner = contest.filter("is_winner").row(0, named=True)
    assert winner["loss"] < min(row(contest, name)["loss"] for name in NAIVE)
    assert winner["normalised_gini"] > 0.5
    assert abs(winner["total_error_ratio"]) < 0.2


def test_row_order_changes_nothing(shop: Shop, contest: pl.DataFrame) -> None:
    shuffled = shop.purchase_days.sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(run_contest(shuffled, shop.features, LAST_DAY), contest, check_exact=True)


def test_customers_with_a_contract_are_not_judged(shop: Shop, contest: pl.DataFrame) -> None:
    some = shop.features.with_columns(
        has_ever_subscribed=pl.col("customer_id") < shop.features["customer_id"][450]
    )
    assert run_contest(shop.purchase_days, some, LAST_DAY)["customer_count"][0] < contest["customer_count"][0]


@pytest.mark.parametrize("customers", [0, 30])
def test_too_few_buyers_close_no_window(shop: Shop, customers: int) -> None:
    few = shop.features.head(customers)
    contest = run_contest(shop.purchase_days, few, LAST_DAY)
    assert contest.schema == contract_schema("gold", "clv_model_contest")
    assert (contest["status"] == "insufficient_data").all()
    assert not contest["is_winner"].any()
    assert contest["note"].null_count() == 0
    assert winner_of(contest) is None


def test_a_young_shop_is_judged_on_half_of_its_history(shop: Shop) -> None:
    day = FIRST_DAY + dt.timedelta(200)
    contest = run_contest(shop.purchase_days, shop.features, day)
    first = shop.purchase_days["purchase_date"].min()
    assert contest["window_days"].drop_nulls().unique().to_list() == [(day - first).days // 2]
    assert row(contest, LAST_YEAR)["status"] == "insufficient_data"
    assert "begins after" in row(contest, LAST_YEAR)["note"]


@pytest.mark.parametrize("winner", [BOOSTED, BLEND])
def test_corrections_take_the_best_model_of_purchases_to_what_the_winner_says(
    shop: Shop, contest: pl.DataFrame, winner: str
) -> None:
    purchases = purchases_without_contract(shop.purchase_days, shop.features, LAST_DAY)
    buyers = buyers_at(purchases, LAST_DAY)
    models = fit_models(buyers)
    won = contest.with_columns(is_winner=pl.col("model") == winner)
    factors = corrections(won, models, purchases, buyers, LAST_DAY)
    assert factors.shape == (len(buyers),)
    assert factors.min() >= CORRECTION_LIMITS[0]
    assert factors.max() <= CORRECTION_LIMITS[1]
    assert factors.std() > 0.05
    if winner == BLEND:
        doubled = won.with_columns(pl.col("level_ratio") * 1.1)
        raised = corrections(doubled, models, purchases, buyers, LAST_DAY)
        inside = (raised < CORRECTION_LIMITS[1]) & (factors > CORRECTION_LIMITS[0])
        assert raised[inside] == pytest.approx(1.1 * factors[inside])
    of_model = contest.with_columns(is_winner=pl.col("model") == "bg_nbd_gamma_gamma")
    assert np.all(corrections(of_model, models, purchases, buyers, LAST_DAY) == 1)


def test_histories_are_those_of_the_day(shop: Shop) -> None:
    purchases = purchases_without_contract(shop.purchase_days, shop.features, LAST_DAY)
    day = LAST_DAY - dt.timedelta(200)
    buyers = buyers_at(purchases, day)
    for place in range(0, len(buyers), 97):
        own = shop.purchase_days.filter(
            pl.col("customer_id") == buyers.customer_ids[place], pl.col("purchase_date") <= day
        )
        dates, spend = own["purchase_date"], own["gross_spend_amount"].cast(pl.Float64)
        assert buyers.repeat_count[place] == own.height - 1
        assert buyers.recency_weeks[place] * 7 == pytest.approx((dates[-1] - dates[0]).days)
        assert buyers.age_weeks[place] * 7 == pytest.approx((day - dates[0]).days)
        assert buyers.average_spend[place] == pytest.approx(spend[1:].mean() or 0.0)
    counts, spent = bought_within(purchases, buyers.customer_ids, day, LAST_DAY)
    assert counts.sum() > 0
    assert spent.sum() > counts.sum()


@given(amounts)
def test_normalised_gini_is_1_of_the_true_order_and_turns_its_sign_with_it(values: list[float]) -> None:
    actual = np.array(values)
    if actual.max() == actual.min():
        assert np.isnan(normalised_gini(actual, actual))
        return
    assert normalised_gini(actual, actual) == pytest.approx(1)
    assert normalised_gini(actual, 3 * actual + 1) == pytest.approx(1)
    assert normalised_gini(actual, -actual) == pytest.approx(-1)
    assert normalised_gini(actual, np.ones(len(actual))) == pytest.approx(0)
