"""Effects of a simulated experiment are recovered, with honest noise."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from hypothesis import given, settings
from hypothesis import strategies as st
from incentive_simulation import HAZARD_KINDS, KINDS, TODAY, simulate_hazards, simulate_outcomes

from dagster_project.incentives.effects import EFFECT_SCHEMA, acceptance_shares, estimate_effects
from dagster_project.incentives.pooling import PooledHazards
from dagster_project.incentives.segment import customer_segment, segment_words

LIFTS = {
    "discount_10": {kind: 0.15 if "low" in kind else 0.04 for kind in KINDS},
    "bundle": dict.fromkeys(KINDS, -0.08),
}


def of_kinds(effects: pl.DataFrame) -> pl.DataFrame:
    return effects.filter(pl.col("customer_segment").is_in(KINDS))


def errors(effects: pl.DataFrame, lifts: dict[str, dict[str, float]]) -> np.ndarray:
    """Distance from the truth in standard errors, per offer and kind."""
    rows = of_kinds(effects)
    true = [lifts[offer][kind] for offer, kind in rows.select("incentive_id", "customer_segment").iter_rows()]
    return ((rows["retention_lift"] - pl.Series(true)) / rows["retention_lift_standard_error"]).to_numpy()


def test_columns_are_those_of_the_contract():
    assert contract_schema("gold", "incentive_effects").names() == list(EFFECT_SCHEMA)


def test_known_effects_are_recovered_within_their_standard_errors():
    effects = estimate_effects(simulate_outcomes(12_000, 0, LIFTS), TODAY)
    assert of_kinds(effects).height == 2 * len(KINDS)
    assert np.abs(errors(effects, LIFTS)).max() < 3.5
    assert of_kinds(effects)["retention_lift_standard_error"].max() < 0.05


def test_intervals_hold_the_truth_about_as_often_as_they_promise():
    random = np.random.default_rng(0)
    held = []
    for seed in range(60):
        lifts = {
            "discount_10": dict(
                zip(
                    KINDS,
                    random.normal(0, 0.03) + random.normal(0, 0.04, len(KINDS)).clip(-0.3, 0.11),
                    strict=True,
                )
            )
        }
        effects = estimate_effects(simulate_outcomes(2000, seed, lifts), TODAY)
        held.extend(np.abs(errors(effects, lifts)) < 1.96)
    # One offer whose lifts are drawn in points, not as the model thinks: a little under 95 % is its price.
    assert 0.88 < np.mean(held) < 0.995, np.mean(held)


def test_pooled_lifts_are_nearer_to_the_truth_than_raw_ones():
    raw, pooled = [], []
    for seed in range(20):
        rows = of_kinds(estimate_effects(simulate_outcomes(1500, seed, {"discount_5": {}}), TODAY))
        raw.extend(rows["raw_retention_lift"])
        pooled.extend(rows["retention_lift"])
    assert np.std(pooled) < 0.7 * np.std(raw)


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


def test_a_kind_with_few_outcomes_stays_near_its_offer_with_a_wider_error():
    outcomes = simulate_outcomes(4000, 4, LIFTS)
    rare = outcomes.head(8).with_columns(outcome_id=pl.format("r{}", "outcome_id"), plan=pl.lit("Rare"))
    effects = estimate_effects(pl.concat([outcomes, rare]), TODAY).filter(
        pl.col("incentive_id") == "discount_10"
    )
    sparse = effects.filter(pl.col("customer_segment").str.starts_with("Rare"))
    mean, other = (effects.filter(pl.col("customer_segment") == name) for name in ("all", "other"))
    assert sparse.height > 0
    assert sparse["raw_retention_lift"].null_count() == sparse.height
    assert np.log(sparse["hazard_ratio"] / mean["hazard_ratio"].item()).abs().max() < 0.3
    error = "log_hazard_ratio_standard_error"
    assert sparse[error].min() > of_kinds(effects)[error].max()
    assert other[error].item() > mean[error].item()
    assert other["hazard_ratio"].item() == mean["hazard_ratio"].item()
    assert other["treated_count"].item() == other["control_count"].item() == 0


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


def test_kinds_of_customers_are_named_from_plan_use_and_billing():
    rows = pl.DataFrame(
        {
            "plan": ["Starter", "Starter", None],
            "active_day_last_30_days_count": [7, 8, None],
            "billing_interval": ["year", "month", None],
        },
        schema={
            "plan": pl.String,
            "active_day_last_30_days_count": pl.Int64,
            "billing_interval": pl.String,
        },
    )
    assert rows.select(customer_segment())["customer_segment"].to_list() == [
        "Starter, low use, yearly",
        "Starter, high use, not yearly",
        "unknown, unknown use, unknown billing",
    ]
    assert rows.select(segment_words())["segment_words"].to_list() == [
        "Starter customers with low use and yearly billing",
        "Starter customers with high use and shorter billing",
        "unknown customers with unknown use and unknown billing",
    ]


def hazard_errors(effects: pl.DataFrame, log_ratios: np.ndarray) -> np.ndarray:
    """Distance of the log hazard ratios from the truth in standard errors."""
    rows = effects.filter(pl.col("customer_segment").is_in(HAZARD_KINDS))
    true = np.array(
        [
            log_ratios[int(offer.removeprefix("offer_")), HAZARD_KINDS.index(kind)]
            for offer, kind in rows.select("incentive_id", "customer_segment").iter_rows()
        ]
    )
    return (np.log(rows["hazard_ratio"].to_numpy()) - true) / rows[
        "log_hazard_ratio_standard_error"
    ].to_numpy()


def test_known_hazard_ratios_are_recovered():
    true = np.random.default_rng(0).normal(0, 0.3, (3, 1)) + np.random.default_rng(1).normal(0, 0.3, (3, 16))
    effects = estimate_effects(simulate_hazards(60_000, 0, true), TODAY)
    assert np.abs(hazard_errors(effects, true)).max() < 3.5
    nothing = hazard_errors(effects.with_columns(hazard_ratio=pl.lit(1.0)), true)
    assert np.square(hazard_errors(effects, true)).mean() < 1.5 < 3 < np.square(nothing).mean()


def test_intervals_of_hazard_ratios_hold_the_truth_whether_offers_act_alike_or_not():
    random = np.random.default_rng(0)
    held: dict[str, list[float]] = {"different": [], "alike": []}
    for seed in range(12):
        different = random.normal(0, 0.3, (3, 1)) + random.normal(0, 0.3, (3, 16))
        for name, true in (("different", different), ("alike", np.full((3, 16), np.log(0.7)))):
            effects = estimate_effects(simulate_hazards(3000, seed, true), TODAY)
            held[name].extend(np.abs(hazard_errors(effects, true)) < 1.96)
    assert min(np.mean(shares) for shares in held.values()) > 0.9, {k: np.mean(v) for k, v in held.items()}


def test_a_control_with_bad_luck_does_not_make_all_offers_look_good():
    outcomes = simulate_hazards(6000, 3, np.zeros((8, 16)))
    unlucky = outcomes.filter(
        (pl.col("incentive_id") == "no_offer")
        & (customer_segment() == "Starter, high use, yearly")
        & pl.col("is_retained")
    ).head(3)
    shifted = outcomes.with_columns(
        is_retained=pl.col("is_retained") & ~pl.col("outcome_id").is_in(unlucky["outcome_id"].to_list())
    )
    effects = estimate_effects(shifted, TODAY)
    kind = effects.filter(pl.col("customer_segment") == "Starter, high use, yearly")
    assert (kind["raw_retention_lift"] > 0.02).all()
    convincing = -kind["hazard_ratio"].log() > kind["log_hazard_ratio_standard_error"]
    assert convincing.mean() <= 0.25


def test_offers_of_a_kind_share_the_noise_of_its_control():
    arm, kind = np.repeat(np.arange(4), 2), np.tile(np.arange(2), 4)
    count = np.full(8, 200.0)
    model = PooledHazards().fit(arm, kind, count, count * 0.1)
    effects = model.covariance_[5:, 5:]
    of_kind = kind[arm > 0] == 0
    assert (effects[np.ix_(of_kind, of_kind)] > 0).all()
    assert (model.covariance_[0, 5:][of_kind] < 0).all()
    more_control = np.where(arm == 0, 20_000.0, count)
    steady = PooledHazards().fit(arm, kind, more_control, more_control * 0.1)
    assert (np.diag(steady.covariance_)[5:] < np.diag(effects)).all()


def test_many_customers_make_the_estimate_the_ratio_of_the_hazards():
    arm, kind, count = np.array([0, 1, 2]), np.zeros(3, dtype=np.int64), np.full(3, 1e7)
    hazard = np.array([0.1, 0.05, 0.15])
    model = PooledHazards().fit(arm, kind, count, -count * np.expm1(-hazard))
    assert np.exp(model.level_) == pytest.approx([0.1], rel=1e-3)
    assert np.exp(model.effect_) == pytest.approx([0.5, 1.5], rel=1e-3)


def test_a_model_without_a_control_is_refused():
    with pytest.raises(ValueError, match="no control"):
        PooledHazards().fit(np.array([1]), np.array([0]), np.array([10.0]), np.array([1.0]))


def test_an_offer_that_only_one_kind_ever_saw_works():
    outcomes = simulate_hazards(2000, 4, np.zeros((2, 16))).filter(
        (pl.col("incentive_id") != "offer_1")
        | (pl.concat_str("plan", "billing_interval") == "Starteryear")
        | (pl.col("plan") == "Team")
    )
    no_control = outcomes.filter((pl.col("plan") != "Team") | (pl.col("incentive_id") != "no_offer"))
    effects = estimate_effects(no_control, TODAY)
    team = effects.filter(pl.col("customer_segment").str.starts_with("Team"))
    assert team.height == 8
    assert set(team["control_count"]) == {0}
    assert team["raw_retention_lift"].null_count() == 8
    assert team["hazard_ratio"].is_finite().all()


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
    )
    effects = estimate_effects(outcomes.with_row_index("outcome_id"), TODAY)
    assert effects.height == len(cells) + 2 * len({cell[0] for cell in cells})
    assert effects["hazard_ratio"].is_finite().all()
    assert (effects["hazard_ratio"] > 0).all()
    assert effects["retention_lift"].is_between(-1, 1).all()
    for name in ("retention_lift_standard_error", "log_hazard_ratio_standard_error"):
        assert effects[name].is_finite().all()
