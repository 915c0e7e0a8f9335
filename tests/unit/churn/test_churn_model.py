"""The model recovers a known hazard, admits noise, and cannot see the future."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from churn_simulation import HORIZON_DAYS, as_features, empty_snapshots, month_ends, simulate_snapshots
from sklearn.metrics import roc_auc_score

from dagster_project.churn.model import ChurnModel
from dagster_project.churn.score import ChurnResult, score_churn
from dagster_project.churn.time_split import labelled_examples, split_by_time

SNAPSHOT_COUNT = 18
TODAY = month_ends(SNAPSHOT_COUNT)[-1]


@pytest.fixture(scope="module")
def snapshots() -> pl.DataFrame:
    return simulate_snapshots(1500, SNAPSHOT_COUNT, seed=1)


@pytest.fixture(scope="module")
def result(snapshots: pl.DataFrame) -> ChurnResult:
    return score_churn(as_features(snapshots, TODAY), snapshots, TODAY, HORIZON_DAYS)


def metric(result: ChurnResult, dataset: str, name: str) -> float | None:
    value = result.metrics.filter(pl.col("dataset") == dataset, pl.col("metric") == name)["value"].item()
    return None if value is None else float(value)


def test_auc_comes_near_that_of_the_true_probabilities(snapshots, result):
    today = snapshots.filter(pl.col("as_of_date") == TODAY).join(
        result.customers, on="customer_id", validate="1:1"
    )
    oracle = roc_auc_score(today["is_churned"], today["true_probability"])
    assert result.model.status == "fitted"
    assert roc_auc_score(today["is_churned"], today["churn_probability"]) > oracle - 0.02
    assert metric(result, "evaluation", "auc") == pytest.approx(oracle, abs=0.04)


@pytest.mark.parametrize("customer_count", [1500, 400])
def test_predicted_and_true_probability_agree_in_every_tenth(customer_count):
    snapshots = simulate_snapshots(customer_count, SNAPSHOT_COUNT, seed=5)
    result = score_churn(as_features(snapshots, TODAY), snapshots, TODAY, HORIZON_DAYS)
    today = snapshots.filter(pl.col("as_of_date") == TODAY).join(
        result.customers, on="customer_id", validate="1:1"
    )
    order = np.argsort(today["churn_probability"].to_numpy(), kind="stable")
    for tenth in np.array_split(order, 10):
        predicted, true = (
            today["churn_probability"].to_numpy()[tenth],
            today["true_probability"].to_numpy()[tenth],
        )
        assert predicted.mean() == pytest.approx(true.mean(), abs=0.06)
    assert today["churn_probability"].mean() == pytest.approx(today["true_probability"].mean(), abs=0.02)


def test_pure_noise_gives_everybody_the_base_rate_and_no_reason():
    for seed in range(2):
        noise = simulate_snapshots(300, SNAPSHOT_COUNT, seed=seed, signal=0.0)
        result = score_churn(as_features(noise, TODAY), noise, TODAY, HORIZON_DAYS)
        assert result.model.status == "no_signal"
        assert result.model.classifier.booster() is None
        assert metric(result, "evaluation", "auc") == pytest.approx(0.5, abs=0.1)
        assert result.customers["churn_probability"].n_unique() == 1
        assert result.customers["churn_probability"][0] == pytest.approx(1 / (1 + np.exp(2.6)), abs=0.02)
        assert result.customers["reason_1"].unique().to_list() == [
            "No signal in the data: the average of all subscribers"
        ]
        assert result.customers["reason_2"].null_count() == 300
        assert "No better than the base rate" in result.metrics["note"][0]


def test_too_few_churned_customers_give_no_probability_but_counts_and_a_note():
    quiet = simulate_snapshots(60, SNAPSHOT_COUNT, seed=3, signal=0.0, base=-6.0)
    result = score_churn(as_features(quiet, TODAY), quiet, TODAY, HORIZON_DAYS)
    assert result.customers["status"].unique().to_list() == ["insufficient_data"]
    assert result.customers["churn_probability"].null_count() == 60
    assert result.customers["model_version"].null_count() == 60
    assert result.model.model_version == "none"
    assert metric(result, "training", "auc") is None
    assert metric(result, "training", "example_count") == 7 * 60
    assert "too few to learn from" in result.metrics["note"][0]
    assert "in 15 snapshots" in result.metrics["note"][0]


def test_no_snapshots_at_all_give_no_probability():
    features = as_features(simulate_snapshots(20, 1, seed=0), month_ends(1)[0])
    result = score_churn(features, empty_snapshots(), month_ends(1)[0], HORIZON_DAYS)
    assert result.customers["status"].unique().to_list() == ["insufficient_data"]
    assert metric(result, "training", "example_count") == 0
    nobody = score_churn(features.clear(), empty_snapshots(), month_ends(1)[0], HORIZON_DAYS)
    assert nobody.customers.is_empty()


def test_who_does_not_subscribe_is_not_scored(snapshots):
    features = as_features(snapshots, TODAY).with_columns(
        is_subscriber=pl.when(pl.col("customer_id") == "c00003")
        .then(None)
        .otherwise(pl.col("customer_id") > "c00005")
    )
    result = score_churn(features, snapshots, TODAY, HORIZON_DAYS)
    head = result.customers.head(6)
    assert head["status"].unique().to_list() == ["not_a_subscriber"]
    assert head["churn_probability"].null_count() == head["reason_1"].null_count() == 6
    assert (result.customers["status"][6:] == "scored").all()


def test_labels_that_become_known_later_change_nothing(snapshots, result):
    later = pl.col("label_known_date") > TODAY
    changed = snapshots.with_columns(
        is_churned=pl.when(later).then(~pl.col("is_churned")).otherwise("is_churned"),
        failed_payment_last_90_days_count=pl.when(later)
        .then(99)
        .otherwise("failed_payment_last_90_days_count"),
    )
    again = score_churn(as_features(snapshots, TODAY), changed, TODAY, HORIZON_DAYS)
    assert again.customers.equals(result.customers)
    assert again.metrics.equals(result.metrics)
    assert later_rows(snapshots) > 0


def later_rows(snapshots: pl.DataFrame) -> int:
    return snapshots.filter(pl.col("label_known_date") > TODAY).height


def test_a_label_beside_the_features_changes_nothing(snapshots, result):
    leaking = snapshots.filter(pl.col("as_of_date") == TODAY)
    again = score_churn(leaking, snapshots, TODAY, HORIZON_DAYS)
    assert again.customers.equals(result.customers)


def test_features_of_another_day_are_refused(snapshots):
    with pytest.raises(ValueError, match="another day"):
        score_churn(as_features(snapshots, TODAY), snapshots, TODAY - dt.timedelta(days=1), HORIZON_DAYS)


def test_labels_of_another_horizon_are_refused(snapshots):
    with pytest.raises(ValueError, match=r"\[90\] days ahead, not 60"):
        score_churn(as_features(snapshots, TODAY), snapshots, TODAY, horizon_days=60)


def test_the_same_rows_in_any_order_give_the_same_bytes(snapshots, result):
    again = score_churn(
        as_features(snapshots, TODAY).sample(fraction=1.0, shuffle=True, seed=7),
        snapshots.sample(fraction=1.0, shuffle=True, seed=8),
        TODAY,
        HORIZON_DAYS,
    )
    assert again.customers.equals(result.customers)
    assert again.metrics.equals(result.metrics)
    assert again.model.files() == result.model.files()


def test_another_seed_or_other_data_is_another_model_version(snapshots, result):
    features = as_features(snapshots, TODAY)
    other_seed = score_churn(features, snapshots, TODAY, HORIZON_DAYS, random_state=1)
    other_data = score_churn(
        features, snapshots.filter(pl.col("customer_id") != "c00000"), TODAY, HORIZON_DAYS
    )
    assert len({each.model.model_version for each in (result, other_seed, other_data)}) == 3


def days_of(snapshot_count: int) -> np.ndarray:
    days = month_ends(snapshot_count)
    examples = labelled_examples(simulate_snapshots(3, snapshot_count, seed=0), days[-1], HORIZON_DAYS)
    return examples["as_of_date"].to_physical().to_numpy().astype(np.int64)


@pytest.mark.parametrize("snapshot_count", [14, 18, 26, 40])
def test_no_label_window_reaches_a_snapshot_of_the_next_set(snapshot_count):
    day = days_of(snapshot_count)
    split = split_by_time(day, HORIZON_DAYS)
    assert split is not None
    sets = {name: day[rows] for name, rows in split.sets.items()}
    assert sets["training"].max() + HORIZON_DAYS <= sets["calibration"].min()
    assert sets["calibration"].max() + HORIZON_DAYS <= sets["evaluation"].min()
    assert day[split.judging[0]].max() + HORIZON_DAYS <= sets["evaluation"].min()
    assert sets["evaluation"].max() == day.max()
    assert len(np.unique(sets["training"])) >= len(np.unique(sets["evaluation"]))


def test_a_short_history_cannot_be_split():
    assert len(days_of(9)) > 0
    assert split_by_time(days_of(9), HORIZON_DAYS) is None


def test_fitting_does_not_change_the_snapshots(snapshots):
    before = snapshots.clone()
    ChurnModel(HORIZON_DAYS).fit(snapshots, TODAY)
    assert snapshots.equals(before)
