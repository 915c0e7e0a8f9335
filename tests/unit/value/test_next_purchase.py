import datetime as dt

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from polars.testing import assert_frame_equal
from shops import LAST_DAY, Shop, simulated_shop

from dagster_project.value.contest import run_contest
from dagster_project.value.next_purchase import (
    FORETOLD,
    SEARCH_DAYS,
    days_until_purchase,
    score_next_purchase,
)
from dagster_project.value.pareto_nbd import ParetoModel

CONTEST = pl.DataFrame({"model": ["pareto_nbd_gamma_gamma"], "loss": [1.0], "is_winner": [True]})


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulated_shop(1500, seed=21)


@pytest.fixture(scope="module")
def scored(shop: Shop) -> pl.DataFrame:
    return score_next_purchase(shop.features, shop.purchase_days, CONTEST, LAST_DAY)


@pytest.fixture(scope="module")
def with_truth(shop: Shop, scored: pl.DataFrame) -> pl.DataFrame:
    """What was foretold, beside the first purchase of the year after; a purchase that never comes is late."""
    followed = (
        shop.purchase_days.filter(pl.col("purchase_date") > LAST_DAY)
        .group_by("customer_id", maintain_order=True)
        .agg(date=pl.col("purchase_date").first(), amount=pl.col("gross_spend_amount").first())
    )
    never = LAST_DAY + dt.timedelta(100_000)
    return scored.join(followed, on="customer_id", how="left", validate="1:1").with_columns(
        pl.col("date").fill_null(never), latest=pl.col("next_purchase_latest_date").fill_null(never)
    )


def test_every_customer_has_a_row_in_the_columns_of_the_contract(shop: Shop, scored: pl.DataFrame) -> None:
    assert scored.schema == contract_schema("gold", "customer_next_purchase")
    assert scored["customer_id"].to_list() == sorted(shop.features["customer_id"])
    assert {"scored", "probably_gone"} <= set(scored["status"]) <= {"scored", "prior_only", "probably_gone"}
    foretold = scored.filter(pl.col("status") != "probably_gone")
    assert (
        foretold.select(set(FORETOLD) - {"next_purchase_latest_date"}).null_count().sum_horizontal().item()
        == 0
    )
    assert (foretold["next_purchase_date"] >= foretold["next_purchase_earliest_date"]).all()
    assert (foretold["next_purchase_earliest_date"] > LAST_DAY).all()
    assert (foretold["next_purchase_latest_date"].drop_nulls() <= LAST_DAY + dt.timedelta(SEARCH_DAYS)).all()
    assert (foretold["purchase_probability"] >= 0.5).all()


def test_who_is_probably_gone_has_no_date_and_mostly_does_not_come(
    shop: Shop, with_truth: pl.DataFrame
) -> None:
    gone = with_truth.filter(pl.col("status") == "probably_gone")
    assert gone.select(FORETOLD).null_count().row(0) == (gone.height,) * len(FORETOLD)
    assert (gone["purchase_probability"] < 0.5).all()
    assert np.mean([shop.is_alive[name] for name in gone["customer_id"]]) < 0.3


def test_the_interval_of_the_date_covers_four_of_five(with_truth: pl.DataFrame) -> None:
    foretold = with_truth.filter(pl.col("status") != "probably_gone")
    is_inside = (foretold["date"] >= foretold["next_purchase_earliest_date"]) & (
        foretold["date"] <= foretold["latest"]
    )
    assert 0.75 <= is_inside.mean() <= 0.88
    near = foretold.filter(pl.col("next_purchase_date") < LAST_DAY + dt.timedelta(300))
    assert (near["date"] <= near["next_purchase_date"]).mean() == pytest.approx(0.5, abs=0.07)


def test_the_interval_of_the_amount_covers_four_of_five(with_truth: pl.DataFrame) -> None:
    came = with_truth.filter(pl.col("amount").is_not_null(), pl.col("status") != "probably_gone")
    is_inside = (came["amount"] >= came["next_purchase_low_amount"]) & (
        came["amount"] <= came["next_purchase_high_amount"]
    )
    assert 0.73 <= is_inside.mean() <= 0.88
    assert came["amount"].cast(pl.Float64).mean() == pytest.approx(
        came["next_purchase_amount"].cast(pl.Float64).mean(), rel=0.1
    )


def test_days_are_those_within_which_the_chance_is_reached() -> None:
    model = ParetoModel()
    model.r_, model.alpha_, model.s_, model.beta_ = 0.8, 9.0, 0.7, 14.0
    histories = [np.array(values) for values in ([12.0, 3.0, 0.0], [48.0, 30.0, 0.0], [50.0, 40.0, 90.0])]
    for share in (0.1, 0.5, 0.9):
        days = days_until_purchase(model, share, *histories)
        is_known = ~np.isnan(days)
        reached = model.purchase_probability(np.where(is_known, days, SEARCH_DAYS) / 7, *histories)
        assert reached[is_known] == pytest.approx(share, abs=1e-3)
        assert np.all(reached[~is_known] < share)


def test_customers_with_a_contract_and_who_never_bought_say_so(shop: Shop) -> None:
    features = shop.features.with_columns(
        has_ever_subscribed=pl.col("customer_id") < shop.features["customer_id"][300]
    )
    newcomer = features.head(1).with_columns(
        customer_id=pl.lit("new"), has_ever_subscribed=pl.lit(None, pl.Boolean)
    )
    scored = score_next_purchase(pl.concat([features, newcomer]), shop.purchase_days, CONTEST, LAST_DAY)
    assert set(scored[:300]["status"]) == {"contract"}
    assert scored.row(by_predicate=pl.col("customer_id") == "new", named=True)["status"] == "not_a_buyer"


@pytest.mark.parametrize("customers", [0, 30])
def test_too_few_buyers_say_so(shop: Shop, customers: int) -> None:
    few = shop.features.head(customers)
    contest = run_contest(shop.purchase_days, few, LAST_DAY)
    scored = score_next_purchase(few, shop.purchase_days, contest, LAST_DAY)
    assert scored.schema == contract_schema("gold", "customer_next_purchase")
    assert set(scored["status"]) <= {"insufficient_data"}
    assert scored.height == customers


def test_later_purchases_and_row_order_change_nothing(shop: Shop, scored: pl.DataFrame) -> None:
    until = shop.purchase_days.filter(pl.col("purchase_date") <= LAST_DAY)
    again = score_next_purchase(
        *(frame.sample(fraction=1, shuffle=True, seed=2) for frame in (shop.features, until)),
        CONTEST,
        LAST_DAY,
    )
    assert_frame_equal(again, scored, check_exact=True)
