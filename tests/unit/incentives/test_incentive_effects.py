"""Effects of a simulated experiment are recovered, with honest noise."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from hypothesis import given, settings
from hypothesis import strategies as st
from incentive_simulation import KINDS, TODAY, simulate_hazards, simulate_outcomes

from dagster_project.incentives.effects import (
    EFFECT_SCHEMA,
    KNOWN_COLUMNS,
    acceptance_shares,
    estimate_effects,
    learn_effects,
)

LIFTS = {
    "discount_10": {kind: 0.15 if "low" in kind else 0.04 for kind in KINDS},
    "bundle": dict.fromkeys(KINDS, -0.08),
}


def test_columns_are_those_of_the_contract():
    assert contract_schema("gold", "incentive_effects").names() == list(EFFECT_SCHEMA)


def of_all(effects: pl.DataFrame) -> dict[str, dict[str, float]]:
    rows = effects.filter(pl.col("customer_segment") == "all")
    return {row["incentive_id"]: row for row in rows.iter_rows(named=True)}


def test_known_effects_are_recovered_within_their_standard_errors():
    rows = of_all(estimate_effects(simulate_outcomes(12_000, 0, LIFTS), TODAY))
    for offer, true in (("discount_10", (0.15 + 0.04) / 2), ("bundle", -0.08)):
        row = rows[offer]
        assert row["retention_lift_standard_error"] < 0.02
        assert abs(row["retention_lift"] - true) < 3.5 * row["retention_lift_standard_error"]


def test_the_data_find_where_low_use_begins():
    true = {kind: 0.3 if "low" in kind else -0.1 for kind in KINDS}
    learner = learn_effects(simulate_outcomes(20_000, 1, {"discount_10": true}), TODAY)
    assert learner is not None
    cuts = [split.cut for split in learner.model_.splits_ if split.cut is not None]
    assert len(cuts) == 1 and 6 <= cuts[0] <= 8  # it begins below 8
    effects = estimate_effects(simulate_outcomes(20_000, 1, {"discount_10": true}), TODAY)
    low = effects.filter(pl.col("customer_segment").str.contains("up to"))
    assert low.height == 4
    assert low["retention_lift"].to_numpy() == pytest.approx(0.3, abs=0.08)


@pytest.mark.parametrize("seed", range(3))
def test_intervals_of_hazard_ratios_hold_the_truth_about_as_often_as_they_promise(seed):
    random = np.random.default_rng(seed)
    true = random.normal(0, 0.3, (3, 1)) + random.normal(0, 0.5, (3, 16))
    outcomes = simulate_hazards(12_000, seed, true)
    learner = learn_effects(outcomes, TODAY)
    assert learner is not None
    kinds = outcomes.select(KNOWN_COLUMNS).unique(maintain_order=True)
    mean, spread = learner.predict(kinds)
    plan = kinds["plan"].replace_strict({"Starter": 0, "Growth": 1, "Scale": 2, "Team": 3}).to_numpy()
    low = (kinds["active_day_last_30_days_count"] < 8).cast(int).to_numpy()
    yearly = (kinds["billing_interval"] == "year").cast(int).to_numpy()
    errors = (mean - true[:, 4 * plan + 2 * low + yearly].T) / spread
    assert (np.abs(errors) < 1.645).mean() > 0.78
    assert np.square(errors).mean() < 2


def test_pooled_lifts_are_nearer_to_the_truth_than_raw_ones():
    rows = pl.concat(
        [estimate_effects(simulate_outcomes(1500, seed, {"discount_5": {}}), TODAY) for seed in range(8)]
    ).filter((pl.col("customer_segment") != "all") & pl.col("raw_retention_lift").is_not_null())
    assert rows["retention_lift"].std() < 0.8 * rows["raw_retention_lift"].std()


def test_doses_of_an_offer_help_each_other_to_be_known():
    spreads = {}
    for names in (["credit_5", "credit_10", "credit_20"], ["credit", "bundle", "upgrade"]):
        outcomes = simulate_hazards(3000, 0, np.full((3, 16), np.log(0.6))).with_columns(
            pl.col("incentive_id").replace({f"offer_{number}": name for number, name in enumerate(names)})
        )
        learner = learn_effects(outcomes, TODAY)
        assert learner is not None
        spreads[names[0]] = learner.predict(outcomes.head(200))[1].mean()
    assert spreads["credit_5"] < spreads["credit"]


def test_weights_undo_chances_that_differ_between_customers():
    # The offer works only on some Starter customers, who get it more often than others do.
    lifts = {"discount_10": {"Starter, low use, not yearly": 0.3}, "discount_5": {}, "bundle": {}}
    outcomes = simulate_outcomes(40_000, 1, lifts)
    everybody = estimate_effects(outcomes, TODAY).filter(
        pl.col("customer_segment") == "all", pl.col("incentive_id") == "discount_10"
    )
    assert everybody["raw_retention_lift"].item() == pytest.approx(0.3 / 8, abs=0.02)
    unweighted = outcomes.with_columns(propensity_probability=pl.lit(0.25))
    wrong = estimate_effects(unweighted, TODAY).filter(
        pl.col("customer_segment") == "all", pl.col("incentive_id") == "discount_10"
    )
    assert wrong["raw_retention_lift"].item() > 0.3 / 8 + 0.02


def test_outcomes_still_under_observation_change_nothing():
    outcomes = simulate_outcomes(2000, 2, LIFTS)
    future = outcomes.with_columns(
        outcome_id=pl.format("f{}", "outcome_id"),
        is_retained=pl.lit(value=False),
        observed_until_date=pl.lit(TODAY + dt.timedelta(days=1)),
    )
    both = pl.concat([outcomes, future])
    assert estimate_effects(both, TODAY).equals(estimate_effects(outcomes, TODAY))
    assert acceptance_shares(both, TODAY).equals(acceptance_shares(outcomes, TODAY))


def test_row_order_changes_nothing():
    outcomes = simulate_outcomes(2000, 3, LIFTS)
    shuffled = outcomes.sample(fraction=1.0, shuffle=True, seed=1)
    assert estimate_effects(shuffled, TODAY).equals(estimate_effects(outcomes, TODAY))


def test_no_outcomes_give_an_empty_table():
    empty = simulate_outcomes(10, 0, LIFTS).clear()
    assert estimate_effects(empty, TODAY).schema == pl.Schema(EFFECT_SCHEMA)
    assert estimate_effects(empty, TODAY).is_empty()
    assert acceptance_shares(empty, TODAY).is_empty()


def test_offers_without_any_control_give_no_effect():
    outcomes = simulate_outcomes(500, 0, LIFTS).filter(pl.col("incentive_id") != "no_offer")
    assert estimate_effects(outcomes, TODAY).is_empty()


def test_a_control_alone_gives_no_effect():
    outcomes = simulate_outcomes(500, 0, LIFTS).filter(pl.col("incentive_id") == "no_offer")
    assert estimate_effects(outcomes, TODAY).is_empty()


@pytest.mark.parametrize("stays", [True, False])
def test_an_experiment_where_all_did_the_same_is_not_free_of_noise(stays):
    outcomes = simulate_outcomes(400, 5, LIFTS).with_columns(is_retained=pl.lit(stays))
    effects = estimate_effects(outcomes, TODAY)
    assert effects["log_hazard_ratio_standard_error"].min() > 0.05
    assert effects["retention_lift"].abs().max() < 0.02
    assert effects["hazard_ratio"].is_finite().all()


def test_an_offer_after_which_nobody_or_everybody_left_has_a_finite_effect():
    outcomes = simulate_outcomes(1500, 5, LIFTS)
    separated = outcomes.with_columns(
        is_retained=pl.when(pl.col("incentive_id") == "bundle")
        .then(pl.lit(value=False))
        .when(pl.col("incentive_id") == "discount_10")
        .then(pl.lit(value=True))
        .otherwise("is_retained")
    )
    effects = estimate_effects(separated, TODAY).filter(pl.col("customer_segment") == "all")
    ratio = dict(effects.select("incentive_id", "hazard_ratio").iter_rows())
    assert 0 < ratio["discount_10"] < 0.5 < 1.5 < ratio["bundle"] < 100


def test_acceptance_is_the_share_of_offers_that_cost_something():
    shares = acceptance_shares(simulate_outcomes(6000, 6, LIFTS), TODAY)
    assert shares["incentive_id"].to_list() == ["bundle", "discount_10"]
    assert shares["acceptance_share"].to_list() == pytest.approx([0.4, 0.4], abs=0.05)


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(1, 400), st.floats(0, 1)),
        min_size=1,
        max_size=9,
        unique_by=lambda cell: cell[:2],
    ),
    control=st.tuples(st.integers(1, 400), st.floats(0, 1)),
)
def test_any_counts_give_finite_positive_ratios_and_lifts_within_bounds(cells, control):
    frames = [
        pl.DataFrame({"incentive_id": f"offer_{arm}", "plan": f"p{kind}", "is_retained": stayed})
        for arm, kind, count, share in [*cells, (0, 0, *control)]
        for stayed in [np.arange(count) >= share * count]
    ]
    outcomes = pl.concat(frames).with_columns(
        pl.col("incentive_id").replace("offer_0", "no_offer"),
        propensity_probability=pl.lit(0.2),
        observed_until_date=pl.lit(TODAY),
        billing_interval=pl.lit("month"),
        active_day_last_30_days_count=pl.lit(1),
        seat_count=pl.lit(5),
        subscription_tenure_days=pl.lit(300),
        days_until_renewal=pl.lit(20),
        failed_payment_last_90_days_count=pl.lit(0),
    )
    effects = estimate_effects(outcomes.with_row_index("outcome_id"), TODAY)
    assert effects.height == len(cells) + len({cell[0] for cell in cells})
    assert effects["hazard_ratio"].is_finite().all()
    assert (effects["hazard_ratio"] > 0).all()
    assert effects["retention_lift"].is_between(-1, 1).all()
    for name in ("retention_lift_standard_error", "log_hazard_ratio_standard_error"):
        assert effects[name].is_finite().all()
