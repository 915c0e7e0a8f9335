"""Each model is logged once, with all that it takes to apply it again."""

import datetime as dt
import hashlib
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from churn_simulation import HORIZON_DAYS, as_features, empty_snapshots, month_ends, simulate_snapshots

from dagster_project.churn.classifier import ChurnClassifier
from dagster_project.churn.feature_matrix import feature_columns
from dagster_project.churn.score import ChurnResult, score_churn
from dagster_project.churn.tracking import log_churn_model, model_files

TODAY = month_ends(18)[-1]


@pytest.fixture(scope="module")
def tracking_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tracking with space") / "mlflow"


def test_a_run_is_logged_once_and_its_model_gives_the_same_probabilities(tracking_dir):
    from mlflow.tracking import MlflowClient

    snapshots = simulate_snapshots(500, 18, seed=2)
    features = as_features(snapshots, TODAY)
    result = score_churn(features, snapshots, TODAY, HORIZON_DAYS)
    run_id = log_churn_model(tracking_dir, result, TODAY)
    assert log_churn_model(tracking_dir, result, TODAY) == run_id
    store = f"sqlite:///{tracking_dir / 'mlflow.db'}"
    client = MlflowClient(store, store)
    runs = client.search_runs([client.get_experiment_by_name("customer_churn").experiment_id])
    assert [run.info.run_id for run in runs] == [run_id]
    evaluation = result.metrics.filter(pl.col("dataset") == "evaluation", pl.col("metric") == "auc")[
        "value"
    ].item()
    assert runs[0].data.metrics["evaluation_auc"] == pytest.approx(evaluation)
    assert runs[0].data.params["model_version"] == result.model_version
    assert len(client.search_model_versions("name = 'customer_churn'")) == 1

    folder = Path(client.download_artifacts(run_id, "model"))
    kept = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert hashlib.sha256(b"".join(kept.values())).hexdigest() == runs[0].data.tags["model_sha256"]
    again = ChurnClassifier.from_parameters(json.loads(kept["parameters.json"]), kept.get("trees.ubj"))
    probabilities = again.predict_proba(feature_columns(features.sort("customer_id")))[:, 1]
    assert probabilities.tolist() == result.customers["churn_probability"].to_list()


def client_of(tracking_dir: Path):
    from mlflow.tracking import MlflowClient

    store = f"sqlite:///{tracking_dir / 'mlflow.db'}"
    return MlflowClient(store, store)


def scored(seed: int) -> ChurnResult:
    snapshots = simulate_snapshots(500, 18, seed=seed)
    return score_churn(as_features(snapshots, TODAY), snapshots, TODAY, HORIZON_DAYS)


@pytest.fixture(scope="module")
def two_models() -> tuple[ChurnResult, ChurnResult]:
    return scored(2), scored(3)


def test_a_model_is_registered_once_however_many_days_it_serves(tmp_path, two_models):
    model, other = two_models
    assert model.model_version != other.model_version
    days = [TODAY + dt.timedelta(days=count) for count in range(4)]
    runs = [
        log_churn_model(tmp_path, result, day)
        for result, day in zip([model, model, other, model], days, strict=True)
    ]
    assert len(set(runs)) == 4
    versions = client_of(tmp_path).search_model_versions("name = 'customer_churn'")
    assert {(version.tags["model_version"], version.run_id) for version in versions} == {
        (model.model_version, runs[0]),
        (other.model_version, runs[2]),
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copied_folder_is_its_own_and_needs_the_original_no_more(tmp_path, two_models):
    original, copy = tmp_path / "the original" / "mlflow", tmp_path / "a copy" / "mlflow"
    run_before = log_churn_model(original, two_models[0], TODAY)
    shutil.copytree(original, copy)
    before = contents(original)
    run_after = log_churn_model(copy, two_models[1], TODAY)
    assert contents(original) == before
    shutil.rmtree(original)
    client = client_of(copy)
    for run_id, result in ((run_before, two_models[0]), (run_after, two_models[1])):
        assert contents(Path(client.download_artifacts(run_id, "model"))) == model_files(result)
    sources = [version.source for version in client.search_model_versions("name = 'customer_churn'")]
    assert len(sources) == 2
    assert all(source.startswith(f"{copy.as_uri()}/artifacts/") for source in sources)


def test_a_day_without_a_model_is_logged_too(tracking_dir):
    features = as_features(simulate_snapshots(5, 1, seed=0), month_ends(1)[0])
    result = score_churn(features, empty_snapshots(), month_ends(1)[0], HORIZON_DAYS)
    run_id = log_churn_model(tracking_dir, result, month_ends(1)[0])
    assert log_churn_model(tracking_dir, result, month_ends(1)[0]) == run_id
