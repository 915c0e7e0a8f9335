"""Each model is logged once, with all that it takes to apply it again."""

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from churn_simulation import HORIZON_DAYS, as_features, empty_snapshots, month_ends, simulate_snapshots
from polars.testing import assert_frame_equal

from dagster_project.churn.score import apply_churn
from dagster_project.churn.tracking import ModelFilesError, log_churn_model, read_model, registered_models
from dagster_project.churn.trained import TrainedChurn, train_churn

TODAY = month_ends(18)[-1]


@pytest.fixture(scope="module")
def tracking_dir(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tracking with space") / "mlflow"


def test_a_run_is_logged_once_and_its_model_gives_the_same_probabilities(tracking_dir, two_models):
    model, _ = two_models
    run_id = log_churn_model(tracking_dir, model, is_promoted=True)
    assert log_churn_model(tracking_dir, model, is_promoted=True) == run_id
    client = client_of(tracking_dir)
    runs = client.search_runs([client.get_experiment_by_name("customer_churn").experiment_id])
    assert [run.info.run_id for run in runs] == [run_id]
    evaluation = model.measures.filter(pl.col("dataset") == "evaluation", pl.col("metric") == "auc")[
        "value"
    ].item()
    assert runs[0].data.metrics["evaluation_auc"] == pytest.approx(evaluation)
    assert runs[0].data.params["model_version"] == model.model_version

    (registered,) = registered_models(tracking_dir)
    again = read_model(tracking_dir, registered)
    features = as_features(simulate_snapshots(500, 18, seed=2), TODAY)
    one, other = (apply_churn(found, features, TODAY) for found in (model, again))
    for name in ("customers", "explanations", "metrics", "calibration"):
        assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    assert again.files() == model.files()


def test_files_that_are_not_those_that_were_registered_are_refused(tmp_path, two_models):
    log_churn_model(tmp_path, two_models[0], is_promoted=True)
    (parameters,) = (tmp_path / "artifacts").rglob("parameters.json")
    parameters.write_text(parameters.read_text() + " ")
    with pytest.raises(ModelFilesError, match="not those that were registered: put them back"):
        read_model(tmp_path, registered_models(tmp_path)[0])


def client_of(tracking_dir: Path):
    from mlflow.tracking import MlflowClient

    store = f"sqlite:///{tracking_dir / 'mlflow.db'}"
    return MlflowClient(store, store)


@pytest.fixture(scope="module")
def two_models() -> tuple[TrainedChurn, TrainedChurn]:
    one, other = (train_churn(simulate_snapshots(500, 18, seed=seed), TODAY, HORIZON_DAYS) for seed in (2, 3))
    return one, other


def test_a_model_is_one_version_however_often_it_is_trained(tmp_path, two_models):
    model, other = two_models
    assert model.model_version != other.model_version
    days = [TODAY + dt.timedelta(days=count) for count in range(4)]
    runs = [
        log_churn_model(tmp_path, replace(trained, trained_as_of=day), is_promoted)
        for trained, day, is_promoted in zip(
            [model, model, other, model], days, [True, False, True, True], strict=True
        )
    ]
    assert len(set(runs)) == 4
    first, second = registered_models(tmp_path)
    assert (first.model_version, first.run_id) == (model.model_version, runs[0])
    assert (first.trained_as_of, first.promoted_as_of) == ((days[0], days[1], days[3]), (days[0], days[3]))
    assert (second.model_version, second.trained_as_of) == (other.model_version, (days[2],))
    aliases = client_of(tmp_path).get_registered_model("customer_churn").aliases
    assert {name: int(number) for name, number in aliases.items()} == dict.fromkeys(
        ("champion", "challenger"), first.number
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copied_folder_is_its_own_and_needs_the_original_no_more(tmp_path, two_models):
    original, copy = tmp_path / "the original" / "mlflow", tmp_path / "a copy" / "mlflow"
    run_before = log_churn_model(original, two_models[0], is_promoted=True)
    shutil.copytree(original, copy)
    before = contents(original)
    run_after = log_churn_model(copy, two_models[1], is_promoted=True)
    assert contents(original) == before
    shutil.rmtree(original)
    client = client_of(copy)
    for run_id, model in ((run_before, two_models[0]), (run_after, two_models[1])):
        assert contents(Path(client.download_artifacts(run_id, "model"))) == model.files()
    sources = [version.source for version in client.search_model_versions("name = 'customer_churn'")]
    assert len(sources) == 2
    assert all(source.startswith(f"{copy.as_uri()}/artifacts/") for source in sources)


def test_a_day_without_a_model_is_logged_and_nothing_is_registered(tmp_path):
    model = train_churn(empty_snapshots(), month_ends(1)[0], HORIZON_DAYS)
    run_id = log_churn_model(tmp_path, model, is_promoted=True)
    assert log_churn_model(tmp_path, model, is_promoted=True) == run_id
    assert registered_models(tmp_path) == []
