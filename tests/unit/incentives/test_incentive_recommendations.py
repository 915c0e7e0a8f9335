"""Money identities, caution against chance, and who gets no offer."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from hypothesis import given, settings
from hypothesis import strategies as st
from incentive_simulation import HAZARD_KINDS, KINDS, PLANS, TODAY, simulate_hazards, simulate_outcomes

from dagster_project.incentives.effect_model import Split
from dagster_project.incentives.effects import acceptance_shares, learn_effects
from dagster_project.incentives.offer_effects import OfferEffects
from dagster_project.incentives.recommend import INCENTIVE_SCHEMA, recommend_incentives

DBT = Path(__file__).resolve().parents[3] / "dbt"
CATALOGUE = pl.read_csv(DBT / "seeds" / "incentive_catalogue.csv")
MONEY = pl.Decimal(18, 2)
OFFERS = CATALOGUE["incentive_id"].to_list()
REAL = {offer: {kind: 0.12 if "low" in kind else 0.02 for kind in KINDS} for offer in OFFERS[:3]}


def customers(count: int, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Features, churn and value of customers whose value follows from their risk."""
    random = np.random.default_rng(seed)
    risk = random.beta(1.2, 5, count)
    mrr = random.integers(50, 2000, count).astype(float)
    value = mrr * 0.8 * 12 * (1 - risk)
    at_stake = mrr * 0.8 * 9 * (1 - risk / 2)
    features = pl.DataFrame(
        {
            "customer_id": [f"c{number:05d}" for number in range(count)],
            "as_of_date": TODAY,
            "is_subscriber": True,
            "is_cancel_at_period_end": False,
            "plan": random.choice(PLANS, count),
            "active_day_last_30_days_count": random.integers(0, 16, count),
            "billing_interval": "month",
            "mrr_amount": pl.Series(mrr).cast(MONEY),
        }
    )
    key = features.select("customer_id")
    return (
        features,
        key.with_columns(churn_probability=pl.Series(risk)),
        key.with_columns(
            horizon_days=pl.lit(365, dtype=pl.Int64),
            predicted_clv_amount=pl.Series(value).round(2).cast(MONEY),
            value_at_stake_amount=pl.Series(at_stake).round(2).cast(MONEY),
        ),
    )


@dataclass
class Told:
    """A learner that knows: one log hazard ratio for all offers and customers, and how sure it is."""

    log_ratio: float
    spread: float
    treatments_: list[str]
    model_: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(splits_=[Split(0, None)]))

    def predict(self, X: pl.DataFrame, *, widest: bool = False) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        shape = (X.height, len(self.treatments_))
        return np.full(shape, self.log_ratio), np.full(shape, self.spread)


def effects_of(
    lift: float, standard_error: float, offers: list[str], control_retained: float = 0.8
) -> OfferEffects:
    """The same effect of each offer on everybody; the error is that of the log hazard ratio."""
    stay = np.clip([control_retained, control_retained + lift], 1e-6, 1 - 1e-6)
    told = Told(float(np.log(np.log(stay[1]) / np.log(stay[0]))), standard_error, offers)
    return cast("OfferEffects", told)


def renamed(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Offers of `simulate_hazards` under names of the catalogue."""
    names = dict(zip([f"offer_{number}" for number in range(8)], OFFERS, strict=True))
    return outcomes.with_columns(pl.col("incentive_id").replace(names))


FEATURES, CHURN, CLV = customers(400)


@pytest.fixture(scope="module")
def recommended() -> pl.DataFrame:
    effects = learn_effects(simulate_outcomes(16_000, 0, REAL), TODAY)
    return recommend_incentives(FEATURES, CHURN, CLV, effects, CATALOGUE)


def test_columns_are_those_of_the_contract(recommended):
    assert (
        contract_schema("gold", "customer_incentives").names()
        == recommended.columns
        == list(INCENTIVE_SCHEMA)
    )


def test_return_is_value_with_less_value_without_less_cost_to_the_cent(recommended):
    judged = recommended.filter(pl.col("ev_with_action_amount").is_not_null())
    assert judged.height > 100
    assert (
        judged["expected_roi_amount"]
        == judged["ev_with_action_amount"] - judged["ev_no_action_amount"] - judged["cost_amount"]
    ).all()


def test_useful_offers_go_to_those_they_pay_for(recommended):
    offers = recommended.filter(pl.col("status") == "offer")
    assert offers.height > 100
    assert offers["expected_roi_p05_amount"].min() > 0
    assert offers["incentive_id"].is_in(OFFERS[:3]).mean() > 0.95
    rest = recommended.filter(pl.col("status") == "no_offer_pays")
    assert rest["incentive_id"].null_count() == rest.height
    assert rest["ev_no_action_amount"].null_count() == 0
    assert not (rest["expected_roi_p05_amount"] > 0).any()


def test_a_hazard_ratio_works_on_the_own_risk():
    effects = effects_of(0.05, 0.02, ["discount_5"], control_retained=0.8)
    result = recommend_incentives(FEATURES, CHURN, CLV, effects, CATALOGUE)
    own = result.join(CHURN, on="customer_id", validate="1:1").drop_nulls("retention_lift")
    ratio, stay = np.log(0.85) / np.log(0.8), 1 - own["churn_probability"].to_numpy()
    assert own["retention_lift"].to_numpy() == pytest.approx(stay**ratio - stay, abs=1e-4)
    step = 1e-6
    slope = np.abs(stay ** (ratio * np.exp(step)) - stay**ratio) / step
    assert own["retention_lift_standard_error"].to_numpy() == pytest.approx(0.02 * slope, rel=1e-2)


def test_an_offer_whose_lower_bound_does_not_pay_is_never_recommended():
    shares = []
    for standard_error in (0.01, 0.3, 0.6, 1.2):
        result = recommend_incentives(
            FEATURES, CHURN, CLV, effects_of(0.05, standard_error, ["discount_5"]), CATALOGUE
        )
        judged = result.filter(pl.col("expected_roi_amount").is_not_null())
        bounds = judged.select("expected_roi_p05_amount", "expected_roi_amount", "expected_roi_p95_amount")
        assert bounds.select((pl.nth(0) <= pl.nth(1)) & (pl.nth(1) <= pl.nth(2))).to_series().all()
        offers = judged["status"] == "offer"
        assert (offers == (judged["expected_roi_p05_amount"] > 0)).all()
        unsure = judged.filter(~offers & (pl.col("expected_roi_amount") > 0))
        assert unsure["reason"].str.starts_with("Too few outcomes to be sure that one pays").all()
        shares.append(offers.mean())
    assert shares == sorted(shares, reverse=True) and shares[0] > 0.5 > 0.05 > shares[-1]


def test_a_sentence_says_the_lift_of_its_row(recommended):
    told = recommended.filter(pl.col("retention_lift").is_not_null())
    said = told["reason"].str.extract(r"it keeps (-?[0-9.]+) more of 100").cast(pl.Float64)
    assert said.null_count() == 0
    assert (said / 100 - told["retention_lift"]).abs().max() <= 0.0005 + 1e-9


def test_a_reason_carries_offer_kind_and_numbers():
    features, churn, clv = FEATURES.head(1), CHURN.head(1), CLV.head(1)
    features = features.with_columns(plan=pl.lit("Starter"), active_day_last_30_days_count=pl.lit(3))
    churn = churn.with_columns(churn_probability=pl.lit(0.4))
    clv = clv.with_columns(predicted_clv_amount=pl.lit(Decimal("5000.00"), dtype=MONEY))
    features = features.with_columns(mrr_amount=pl.lit(Decimal("300.00"), dtype=MONEY))
    row = recommend_incentives(features, churn, clv, effects_of(0.061, 0.01, ["discount_10"]), CATALOGUE).row(
        0, named=True
    )
    assert row["cost_amount"] == Decimal("90.00")
    gain = row["ev_with_action_amount"] - row["ev_no_action_amount"]
    lift = round(100 * row["retention_lift"], 1)
    assert row["reason"] == (
        "10 % discount: by past randomised offers to customers like this one (Starter) "
        f"it keeps {lift} more of 100; worth {gain}, costs 90.00"
    )


def test_who_has_given_notice_gets_none():
    features = FEATURES.with_columns(is_cancel_at_period_end=pl.col("customer_id") > "c00009")
    result = recommend_incentives(features, CHURN, CLV, effects_of(0.05, 0.01, OFFERS), CATALOGUE)
    assert result[10:]["reason"].unique().to_list() == [
        "Has given notice: no past offer was made to such customers"
    ]
    assert not (result.head(10)["status"] == "not_eligible").any()


def test_an_offer_is_worth_the_lift_of_what_is_at_stake():
    features, churn, clv = FEATURES.head(1), CHURN.head(1), CLV.head(1)
    result = recommend_incentives(
        features,
        churn.with_columns(churn_probability=pl.lit(0.3)),
        clv.with_columns(
            predicted_clv_amount=pl.lit(Decimal(1000), dtype=MONEY),
            value_at_stake_amount=pl.lit(Decimal(700), dtype=MONEY),
        ),
        effects_of(0.05, 0.001, ["discount_5"]),
        CATALOGUE.with_columns(cost_share_of_mrr=pl.lit(0.0)),
    ).row(0, named=True)
    lift = 0.7 ** (np.log(0.85) / np.log(0.8)) - 0.7
    assert result["retention_lift"] == pytest.approx(lift, abs=1e-6)
    assert result["ev_no_action_amount"] == Decimal(1000)
    assert float(result["ev_with_action_amount"]) == pytest.approx(1000 + 700 * lift, abs=0.01)
    assert float(result["expected_roi_amount"]) == pytest.approx(700 * lift, abs=0.01)


def test_useless_offers_reach_few_customers():
    shares = []
    for seed in range(4):
        outcomes = simulate_outcomes(4000, seed, {offer: {} for offer in OFFERS})
        taken = acceptance_shares(outcomes, TODAY)
        effects = learn_effects(outcomes, TODAY)
        result = recommend_incentives(FEATURES, CHURN, CLV, effects, CATALOGUE, acceptance=taken)
        shares.append((result["status"] == "offer").mean())
    assert np.mean(shares) < 0.1, shares


def test_useless_offers_cost_next_to_nothing():
    """True return of what is recommended after experiments with offers that do nothing."""
    shares, costs = [], []
    for seed in range(4):
        effects = learn_effects(renamed(simulate_hazards(6000, seed, np.zeros((8, 16)))), TODAY)
        result = recommend_incentives(FEATURES, CHURN, CLV, effects, CATALOGUE)
        offers = result.filter(pl.col("status") == "offer")
        shares.append(offers.height / result.height)
        costs.append(float(offers["cost_amount"].sum() or 0) / float(result["ev_no_action_amount"].sum()))
    assert np.mean(shares) < 0.05, shares
    assert np.mean(costs) < 0.002, costs


def test_a_kind_that_offers_drive_away_gets_none_though_they_help_others():
    driven_away = ("Starter, low use, yearly", "Growth, low use, yearly")
    log_ratios = np.where([kind in driven_away for kind in HAZARD_KINDS], np.log(2.5), np.log(0.5))
    yearly = FEATURES.with_columns(
        billing_interval=pl.Series(np.where(np.arange(FEATURES.height) % 2, "year", "month")),
        active_day_last_30_days_count=pl.Series(np.where(np.arange(FEATURES.height) % 3, 3, 12)),
    )
    harmed = (
        (pl.col("billing_interval") == "year")
        & (pl.col("active_day_last_30_days_count") < 8)
        & pl.col("plan").is_in(["Starter", "Growth"])
    )
    for seed in range(3):
        outcomes = simulate_hazards(9000, seed, np.tile(log_ratios, (3, 1)))
        effects = learn_effects(renamed(outcomes), TODAY)
        result = recommend_incentives(yearly, CHURN, CLV, effects, CATALOGUE).join(
            yearly.select("customer_id", harmed.alias("is_harmed")), on="customer_id", validate="1:1"
        )
        offered = result.filter(pl.col("status") == "offer")
        assert offered.height > 20
        assert offered["is_harmed"].mean() < 0.02


def test_a_harmful_offer_is_never_recommended_when_the_evidence_is_clear():
    lifts = {"discount_5": dict.fromkeys(KINDS, -0.10), "discount_10": dict.fromkeys(KINDS, 0.08)}
    for seed in range(3):
        effects = learn_effects(simulate_outcomes(12_000, seed, lifts), TODAY)
        result = recommend_incentives(FEATURES, CHURN, CLV, effects, CATALOGUE)
        assert set(result["incentive_id"].drop_nulls()) == {"discount_10"}


def test_no_past_experiment_gives_nobody_an_offer():
    effects = learn_effects(simulate_outcomes(10, 0, REAL).clear(), TODAY)
    result = recommend_incentives(FEATURES, CHURN, CLV, effects, CATALOGUE)
    assert result["status"].unique().to_list() == ["insufficient_data"]
    assert result["reason"].unique().to_list() == ["No past randomised offers to learn from"]
    assert result["ev_no_action_amount"].null_count() == 0


@pytest.mark.parametrize(
    ("column", "table", "reason"),
    [
        ("churn_probability", 1, "No churn probability for this customer"),
        ("predicted_clv_amount", 2, "No expected value for this customer"),
        ("value_at_stake_amount", 2, "No expected value for this customer"),
        ("mrr_amount", 0, "Monthly revenue unknown, so that no offer has a cost"),
    ],
)
def test_what_is_unknown_is_said(column, table, reason):
    tables = [FEATURES, CHURN, CLV]
    tables[table] = tables[table].with_columns(pl.lit(None, dtype=tables[table][column].dtype).alias(column))
    result = recommend_incentives(*tables, effects_of(0.05, 0.01, OFFERS), CATALOGUE)
    assert result["status"].unique().to_list() == ["insufficient_data"]
    assert result["reason"].unique().to_list() == [reason]


def test_who_does_not_subscribe_is_not_eligible():
    features = FEATURES.with_columns(is_subscriber=pl.col("customer_id") > "c00009")
    result = recommend_incentives(features, CHURN, CLV, effects_of(0.05, 0.01, OFFERS), CATALOGUE)
    assert result.head(10)["status"].unique().to_list() == ["not_eligible"]
    assert not (result["status"][10:] == "not_eligible").any()


def test_a_plan_that_was_never_offered_anything_is_drawn_towards_the_others():
    learner = learn_effects(simulate_outcomes(12_000, 1, REAL), TODAY)
    assert learner is not None
    features = FEATURES.filter(pl.col("active_day_last_30_days_count") < 6)
    (known, sure), (new, unsure) = (
        learner.predict(each) for each in (features, features.with_columns(plan=pl.lit("New plan")))
    )
    offers = [learner.treatments_.index(offer) for offer in OFFERS[:3]]
    assert (known[:, offers].mean() < new[:, offers].mean()) and new[:, offers].mean() < 0
    assert unsure.min() > sure.mean()


def test_nobody_in_nobody_out():
    result = recommend_incentives(
        FEATURES.clear(), CHURN.clear(), CLV.clear(), effects_of(0.05, 0.01, OFFERS), CATALOGUE
    )
    assert result.is_empty()
    assert result.schema == pl.Schema(INCENTIVE_SCHEMA)


def test_row_order_changes_nothing():
    effects = effects_of(0.05, 0.01, OFFERS)
    shuffled = [frame.sample(fraction=1.0, shuffle=True, seed=3) for frame in (FEATURES, CHURN, CLV)]
    assert recommend_incentives(*shuffled, effects, CATALOGUE.reverse()).equals(
        recommend_incentives(FEATURES, CHURN, CLV, effects, CATALOGUE)
    )


@settings(max_examples=10, deadline=None)
@given(
    lift=st.floats(-0.3, 0.3),
    cheap=st.floats(0, 0.3),
    extra=st.floats(0, 0.5),
    control_retained=st.floats(0, 1),
)
def test_a_higher_cost_never_raises_the_return_and_bounds_hold(lift, cheap, extra, control_retained):
    features, churn, clv = (frame.head(40) for frame in (FEATURES, CHURN, CLV))
    churn = churn.with_columns(churn_probability=pl.Series(np.linspace(0, 1, 40)))
    effects = effects_of(lift, 0.0, ["discount_5"], control_retained)
    catalogue = CATALOGUE.filter(pl.col("incentive_id") == "discount_5")

    def result(share: float) -> pl.DataFrame:
        return recommend_incentives(
            features,
            churn,
            clv,
            effects,
            catalogue.with_columns(cost_share_of_mrr=pl.lit(share)),
        )

    low, high = result(cheap), result(cheap + extra)
    judged = low["expected_roi_amount"].is_not_null()
    assert (high["expected_roi_amount"].filter(judged) <= low["expected_roi_amount"].filter(judged)).all()
    assert (low["retention_lift"].drop_nulls() >= 0).all()
    assert (
        (low.join(churn, on="customer_id", validate="1:1").filter(pl.col("retention_lift").is_not_null()))
        .filter(pl.col("retention_lift") > pl.col("churn_probability") + 1e-12)
        .is_empty()
    )
    gained = (
        low.join(clv, on="customer_id", validate="1:1")
        .join(churn, on="customer_id", validate="1:1")
        .filter(judged)
    )
    gain = (gained["ev_with_action_amount"] - gained["ev_no_action_amount"]).cast(pl.Float64)
    most = gained["churn_probability"] * gained["value_at_stake_amount"].cast(pl.Float64)
    assert (gain <= most + 0.011).all()
