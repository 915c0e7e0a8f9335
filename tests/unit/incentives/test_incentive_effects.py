"""Effects of a simulated experiment are recovered, with honest noise."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from incentive_simulation import KINDS, TODAY, simulate_outcomes

from dagster_project.incentives.effects import EFFECT_SCHEMA, acceptance_shares, estimate_effects
from dagster_project.incentives.pooling import pool_effects
from dagster_project.incentives.segment import customer_segment

GOLD = Path(__file__).resolve().parents[3] / "dbt" / "models" / "gold"
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
    table = yaml.safe_load((GOLD / "incentive_effects.yml").read_text())["sources"][0]["tables"][0]
    assert [column["name"] for column in table["columns"]] == list(EFFECT_SCHEMA)


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
                zip(KINDS, random.normal(0.04, 0.04, len(KINDS)).clip(-0.3, 0.14), strict=True)
            )
        }
        effects = estimate_effects(simulate_outcomes(2000, seed, lifts), TODAY)
        held.extend(np.abs(errors(effects, lifts)) < 1.96)
    assert 0.92 < np.mean(held) < 0.995


def test_pooled_lifts_are_nearer_to_the_truth_than_raw_ones():
    raw, pooled = [], []
    for seed in range(20):
        rows = of_kinds(estimate_effects(simulate_outcomes(1500, seed, {"discount_5": {}}), TODAY))
        raw.extend(rows["raw_retention_lift"])
        pooled.extend(rows["retention_lift"])
    assert np.std(pooled) < 0.7 * np.std(raw)


def test_weights_undo_chances_that_differ_between_customers():
    # The offer works only on some Starter customers, who get it more often than others do.
    lifts = {"discount_10": {"Starter, low use": 0.3}, "discount_5": {}, "bundle": {}}
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


def test_a_kind_with_few_outcomes_takes_the_mean_with_a_wider_error():
    outcomes = simulate_outcomes(4000, 4, LIFTS)
    rare = outcomes.head(8).with_columns(outcome_id=pl.format("r{}", "outcome_id"), plan=pl.lit("Rare"))
    effects = estimate_effects(pl.concat([outcomes, rare]), TODAY).filter(
        pl.col("incentive_id") == "discount_10"
    )
    sparse = effects.filter(pl.col("customer_segment").str.starts_with("Rare"))
    mean, other = (effects.filter(pl.col("customer_segment") == name) for name in ("all", "other"))
    assert sparse.height > 0
    assert sparse["raw_retention_lift"].null_count() == sparse.height
    assert set(sparse["retention_lift"]) == {mean["retention_lift"].item()}
    assert set(sparse["retention_lift_standard_error"]) == {other["retention_lift_standard_error"].item()}
    assert other["retention_lift_standard_error"].item() > mean["retention_lift_standard_error"].item()
    assert other["treated_count"].item() == other["control_count"].item() == 0


def test_an_arm_where_everybody_stayed_is_not_free_of_noise():
    outcomes = simulate_outcomes(400, 5, LIFTS).with_columns(is_retained=pl.lit(value=True))
    effects = estimate_effects(outcomes, TODAY)
    assert effects["retention_lift_standard_error"].min() > 0.01
    assert effects["retention_lift"].abs().max() < 1e-9


def test_acceptance_is_the_share_of_offers_that_cost_something():
    shares = acceptance_shares(simulate_outcomes(6000, 6, LIFTS), TODAY)
    assert shares["incentive_id"].to_list() == ["bundle", "discount_10"]
    assert shares["acceptance_share"].to_list() == pytest.approx([0.4, 0.4], abs=0.05)


def test_kinds_of_customers_are_named_from_plan_and_use():
    rows = pl.DataFrame(
        {"plan": ["Starter", "Starter", None], "active_day_last_30_days_count": [7, 8, None]},
        schema={"plan": pl.String, "active_day_last_30_days_count": pl.Int64},
    )
    assert rows.select(customer_segment())["customer_segment"].to_list() == [
        "Starter, low use",
        "Starter, high use",
        "unknown, unknown use",
    ]


def test_pooling_is_the_posterior_of_its_model():
    random = np.random.default_rng(0)
    raw, variance, scale = np.array([0.02, 0.25, 0.10]), np.array([0.003, 0.004, 0.002]), 0.1
    tau = np.abs(random.normal(0, scale, 1_000_000))
    mean = random.uniform(-0.6, 0.9, tau.size)
    effect = mean[:, None] + tau[:, None] * random.normal(size=(tau.size, 3))
    weight = np.exp(-0.5 * ((raw - effect) ** 2 / variance).sum(axis=1))
    weight /= weight.sum()
    centre = weight @ effect
    pooled = pool_effects(raw, variance, scale)
    assert pooled.effect == pytest.approx(centre, abs=0.002)
    assert pooled.standard_error == pytest.approx(np.sqrt(weight @ (effect - centre) ** 2), abs=0.001)
    assert pooled.mean == pytest.approx(weight @ mean, abs=0.003)
    new_group = mean + tau * random.normal(size=tau.size)
    spread = np.sqrt(weight @ (new_group - weight @ new_group) ** 2)
    assert pooled.new_group_standard_error == pytest.approx(spread, abs=0.003)


def test_one_group_is_left_as_it_is():
    pooled = pool_effects(np.array([0.1]), np.array([0.0025]), 0.1)
    assert pooled.effect[0] == pytest.approx(0.1)
    assert pooled.standard_error[0] == pytest.approx(0.05)


def test_exact_groups_are_hardly_pulled_and_noisy_ones_almost_wholly():
    raw = np.array([0.0, 0.2, 0.0, 0.2])
    exact = pool_effects(raw, np.full(4, 1e-6), 0.1)
    noisy = pool_effects(raw, np.full(4, 1.0), 0.1)
    assert exact.effect == pytest.approx(raw, abs=1e-3)
    assert noisy.effect == pytest.approx(np.full(4, 0.1), abs=0.01)
