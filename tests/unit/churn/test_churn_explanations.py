"""What moves a probability adds up, is true when it is tried out, and names what was planted."""

import json

import numpy as np
import polars as pl
import pytest
from churn_simulation import HORIZON_DAYS, as_features, month_ends, simulate_snapshots
from contract_schemas import contract_schema
from scipy.special import logit

from dagster_project.churn.calibration import Calibration
from dagster_project.churn.candidates import CANDIDATES, Examples, Tuning, fit_candidates
from dagster_project.churn.classifier import ChurnClassifier
from dagster_project.churn.explanations import (
    ALL_OTHER,
    EXPLANATION_SCHEMA,
    FEATURES_SHOWN,
    explain_customers,
    reasons_of,
)
from dagster_project.churn.feature_matrix import feature_columns
from dagster_project.churn.flat_table import Encoding
from dagster_project.churn.reason_texts import reason_texts
from dagster_project.churn.score import (
    CALIBRATION_SCHEMA,
    CUSTOMER_SCHEMA,
    METRIC_SCHEMA,
    ChurnResult,
    score_churn,
)

SNAPSHOT_COUNT = 18
TODAY = month_ends(SNAPSHOT_COUNT)[-1]


@pytest.fixture(scope="module")
def snapshots() -> pl.DataFrame:
    return simulate_snapshots(1500, SNAPSHOT_COUNT, seed=1)


@pytest.fixture(scope="module")
def result(snapshots: pl.DataFrame) -> ChurnResult:
    return score_churn(as_features(snapshots, TODAY), snapshots, TODAY, HORIZON_DAYS)


@pytest.fixture(scope="module")
def stored(result: ChurnResult) -> ChurnClassifier:
    """The model as it is kept."""
    return ChurnClassifier.from_parameters(
        json.loads(json.dumps(result.model.parameters)), result.model.classifier.booster()
    )


def furthest_from_log_odds(explanations: pl.DataFrame, probability: pl.DataFrame) -> float:
    sums = explanations.group_by("customer_id").agg(
        pl.col("base_log_odds").unique().implode().list.len().alias("bases"),
        log_odds=pl.col("contribution_log_odds").sum() + pl.col("base_log_odds").first(),
    )
    both = probability.join(sums, on="customer_id", validate="1:1")
    assert both.height == probability.height
    return float(np.abs(both["log_odds"].to_numpy() - logit(both["churn_probability"].to_numpy())).max())


def test_result_columns_are_those_of_the_contracts():
    assert contract_schema("gold", "customer_churn") == CUSTOMER_SCHEMA
    assert contract_schema("gold", "churn_explanations") == EXPLANATION_SCHEMA
    assert contract_schema("gold", "churn_model_metrics") == METRIC_SCHEMA
    assert contract_schema("gold", "churn_calibration") == CALIBRATION_SCHEMA


def test_base_and_contributions_sum_to_the_log_odds_of_the_published_probability(result):
    assert furthest_from_log_odds(result.explanations, result.customers) < 1e-6


@pytest.mark.parametrize("candidate", CANDIDATES)
@pytest.mark.parametrize("method", ["logistic", "beta", "isotonic"])
def test_they_sum_for_every_model_and_calibration(candidate, method, snapshots):
    customers = as_features(snapshots, TODAY).head(400)
    looked_at = feature_columns(customers)
    classifier = ChurnClassifier()
    classifier.status_ = "fitted"
    classifier.encoding_ = Encoding.of(looked_at)
    matrix = classifier.encoding_.matrix(looked_at)
    left = snapshots.filter(pl.col("as_of_date") == TODAY)["is_churned"].head(400).to_numpy()
    examples = Examples(matrix, left, np.ones(len(left)), (0,) * matrix.shape[1])
    classifier.model_ = fit_candidates(examples, Tuning(c=1.0), 0, (candidate,))[candidate]
    curves = {
        "logistic": Calibration("logistic", 0.7, 0.7, 0.3, level=-0.2),
        "beta": Calibration("beta", 0.5, 1.6, -0.4),
        "isotonic": Calibration(
            "isotonic", 1.2, 1.2, log_odds_knots=(-3.0, -1.0, 2.0), probability_knots=(0.02, 0.1, 0.9)
        ),
    }
    classifier.calibration_ = curves[method]
    explanations = explain_customers(classifier, customers, TODAY, "m")
    probability = customers.select(
        "customer_id", churn_probability=pl.Series(classifier.predict_proba(looked_at)[:, 1])
    )
    assert furthest_from_log_odds(explanations, probability) < 1e-6


def test_ranks_count_up_reasons_come_first_and_the_rest_is_last(result):
    explanations = result.explanations
    assert explanations.equals(explanations.sort("customer_id", "rank"))
    ranks = explanations.group_by("customer_id", maintain_order=True).agg("rank", "feature", "sentence")
    for rank, feature, sentence in ranks.select("rank", "feature", "sentence").iter_rows():
        assert rank == list(range(1, len(rank) + 1))
        assert len(rank) <= FEATURES_SHOWN + 1
        assert feature[-1] == ALL_OTHER
        assert len(set(feature)) == len(feature)
        said = [words is not None for words in sentence]
        assert said == sorted(said, reverse=True)
        assert sum(said) <= 3
    reasons = explanations.filter(pl.col("sentence").is_not_null())
    assert reasons.height > 1000
    assert (reasons["contribution_log_odds"] > 0).all()
    assert reasons["mitigation"].null_count() == 0
    assert reasons.select(pl.struct("customer_id", "family").is_unique().all()).item()
    others = explanations.filter(pl.col("sentence").is_null(), pl.col("feature") != ALL_OTHER)
    strength = others.with_columns(pl.col("contribution_log_odds").abs())
    falling = strength.select(pl.col("contribution_log_odds").diff().over("customer_id").max()).item()
    assert falling <= 0


def test_the_reasons_of_a_customer_are_the_sentences_of_the_table(result):
    named = result.customers.select("customer_id", "reason_1", "reason_2", "reason_3", "mitigation")
    assert named.join(reasons_of(result.explanations), on=named.columns, nulls_equal=True).height == 1500
    assert named["reason_1"].null_count() < 1000


def test_the_first_reason_put_right_lowers_the_probability(snapshots, result, stored):
    """Tried out on the stored model with what the table says: usual, as it was, or no change."""
    first = result.explanations.filter(pl.col("rank") == 1, pl.col("sentence").is_not_null())
    customers = (
        as_features(snapshots, TODAY).join(first.select("customer_id"), on="customer_id").sort("customer_id")
    )
    looked_at = feature_columns(customers)
    is_own_past = pl.col("sentence").str.contains("before$|ago")
    is_change = pl.col("feature").is_in([text.feature for text in reason_texts().values() if text.is_change])
    right = first.sort("customer_id").select(
        "feature",
        value=pl.when(is_own_past & is_change)
        .then(0.0)
        .when(is_own_past)
        .then("own_past_value")
        .otherwise("usual_value"),
    )
    changed = looked_at.with_columns(
        pl.when(right["feature"] == name).then(right["value"]).otherwise(pl.col(name)).alias(name)
        for name in right["feature"].unique()
    )
    before, after = (stored.predict_proba(frame)[:, 1] for frame in (looked_at, changed))
    assert len(before) > 500
    assert (after < before).mean() >= 0.99


def test_the_named_family_is_the_planted_main_driver_of_the_riskiest(snapshots, result):
    """Four families drive the simulated hazard, and naming the most frequent one alone would not do."""
    today = snapshots.filter(pl.col("as_of_date") == TODAY).join(
        result.customers.select("customer_id", "churn_probability"), on="customer_id", validate="1:1"
    )
    drivers = today.select(
        "customer_id", "churn_probability",
        use=-0.10 * (pl.col("active_day_last_30_days_count") - 15),
        payment=0.9 * pl.col("failed_payment_last_90_days_count"),
        support=0.5 * (3 - pl.col("csat_last_180_days_rating").fill_null(3)),
        notice=3.0 * pl.col("is_cancel_at_period_end"),
    ).top_k(150, by="churn_probability")  # fmt: skip
    families = ["use", "payment", "support", "notice"]
    main = np.array(families)[drivers.select(families).to_numpy().argmax(axis=1)]
    first = result.explanations.filter(pl.col("rank") == 1).select("customer_id", "family")
    named = drivers.join(first, on="customer_id", how="left", maintain_order="left")["family"].to_numpy()
    assert (named == main).mean() >= 0.70
    assert max((main == family).mean() for family in families) < 0.70
    assert all((named[main == family] == family).mean() >= 0.5 for family in families)


def test_a_stored_model_and_its_features_give_the_same_table_again(snapshots, result, stored):
    features = as_features(snapshots, TODAY).sample(fraction=1.0, shuffle=True, seed=3)
    again = explain_customers(stored, features, TODAY, result.model.model_version)
    assert again.equals(result.explanations)


def test_customers_are_explained_in_parts_as_they_are_at_once(snapshots, result, stored, monkeypatch):
    monkeypatch.setattr("dagster_project.churn.explanations.CUSTOMERS_AT_ONCE", 400)
    again = explain_customers(stored, as_features(snapshots, TODAY), TODAY, result.model.model_version)
    assert again.drop("contribution_log_odds", "base_log_odds").equals(
        result.explanations.drop("contribution_log_odds", "base_log_odds")
    )


def test_without_a_signal_all_have_the_base_and_without_a_model_there_is_no_row(snapshots):
    noise = simulate_snapshots(300, SNAPSHOT_COUNT, seed=0, signal=0.0)
    result = score_churn(as_features(noise, TODAY), noise, TODAY, HORIZON_DAYS)
    assert result.model.status == "no_signal"
    assert result.explanations["feature"].to_list() == [ALL_OTHER] * 300
    assert result.explanations["contribution_log_odds"].abs().max() < 1e-12
    assert furthest_from_log_odds(result.explanations, result.customers) < 1e-6
    few = snapshots.filter(pl.col("as_of_date") < month_ends(4)[-1])
    nothing = score_churn(as_features(snapshots, TODAY), few, TODAY, HORIZON_DAYS)
    assert nothing.model.status == "insufficient_data"
    assert nothing.explanations.is_empty()
    assert nothing.explanations.schema == EXPLANATION_SCHEMA
    assert nothing.customers["reason_1"].null_count() == 1500
