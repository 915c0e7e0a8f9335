"""Keeps each churn model with its parameters and metrics, so that a probability can be traced to its model.

Here: one MLflow run per day and model, in a local SQLite file and a local folder, and one registered version per model.
Not here: learning. No server and no network are used; the model is kept as JSON and
XGBoost's own UBJ with our SHA-256, never as a pickle.
"""

import datetime as dt
import hashlib
import json
import logging
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from dagster_project.churn.score import ChurnResult

EXPERIMENT = "customer_churn"
MODEL_NAME = "customer_churn"
MODEL_FOLDER = "model"
PARAMETERS_FILE = "parameters.json"
TREES_FILE = "trees.ubj"
LONGEST_PARAMETER = 500
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Table and column of all that says where files lie."""


def log_churn_model(tracking_dir: Path, result: ChurnResult, as_of_date: dt.date) -> str:
    """Log one run, and register its model if it is a new one.

    A rerun of the same day and model finds the run and logs nothing. A model that another day has made already is no
    new version.

    Args:
        tracking_dir: Gets `mlflow.db` and `artifacts/`.
        result: What the day's scoring gave.
        as_of_date: The day.

    Returns:
        The run's id.
    """
    client = _client(tracking_dir)
    experiment_id = _experiment_id(client, tracking_dir)
    key = {"as_of_date": as_of_date.isoformat(), "model_version": result.model_version}
    wanted = " and ".join(f"tags.{name} = '{value}'" for name, value in key.items())
    finished = client.search_runs(
        [experiment_id], f"{wanted} and attributes.status = 'FINISHED'", max_results=1
    )
    if finished:
        return str(finished[0].info.run_id)
    tags = {**key, "status": result.status}
    files = model_files(result)
    if result.status == "fitted":
        tags["model_sha256"] = hashlib.sha256(b"".join(files.values())).hexdigest()
    run = client.create_run(experiment_id, tags=tags, run_name=f"{as_of_date} {result.model_version}")
    run_id = str(run.info.run_id)
    for name, value in result.parameters.items():
        client.log_param(run_id, name, str(value)[:LONGEST_PARAMETER])
    for row in result.metrics.filter(pl.col("value").is_not_null()).iter_rows(named=True):
        client.log_metric(run_id, f"{row['dataset']}_{row['metric']}", row["value"])
    _log_files(client, run_id, files)
    if result.status == "fitted":
        _register(client, run_id, f"{run.info.artifact_uri}/{MODEL_FOLDER}", tags)
    client.set_terminated(run_id)  # last, so that a run that broke off is not taken for a whole one
    return run_id


def model_files(result: ChurnResult) -> dict[str, bytes]:
    """What the model is kept as: JSON, and XGBoost's own UBJ where it has trees; `ChurnClassifier.from_parameters`."""
    files = {PARAMETERS_FILE: json.dumps(result.parameters, indent=2, sort_keys=True).encode()}
    return files if result.booster is None else {**files, TREES_FILE: result.booster}


def follow_folder(tracking_dir: Path) -> None:
    """Make the stored places of files those of this folder, if it was copied or moved.

    MLflow stores them as absolute addresses when an experiment is made: a copy of the folder would go on writing into
    the original. Does nothing where there is no database yet.
    """
    database = tracking_dir / "mlflow.db"
    if not database.exists():
        return
    here = _artifacts(tracking_dir)
    with closing(sqlite3.connect(database)) as connection, connection:
        found = connection.execute("select artifact_location from experiments where name = ?", [EXPERIMENT])
        there = next((location for (location,) in found), here)
        if there == here:
            return
        for table, column in PLACES:
            connection.execute(
                f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",
                [here, len(there) + 1, len(there) + 1, f"{there}/"],
            )
        connection.execute("update experiments set artifact_location = ? where name = ?", [here, EXPERIMENT])


def _artifacts(tracking_dir: Path) -> str:
    return (tracking_dir / "artifacts").resolve().as_uri()


def _client(tracking_dir: Path) -> Any:
    from mlflow.tracking import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it announces each step of making its database

    tracking_dir.mkdir(parents=True, exist_ok=True)
    follow_folder(tracking_dir)
    store = f"sqlite:///{(tracking_dir / 'mlflow.db').resolve()}"
    return MlflowClient(tracking_uri=store, registry_uri=store)


def _experiment_id(client: Any, tracking_dir: Path) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        return str(experiment.experiment_id)
    return str(client.create_experiment(EXPERIMENT, artifact_location=_artifacts(tracking_dir)))


def _log_files(client: Any, run_id: str, files: Mapping[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        client.log_artifacts(run_id, folder, MODEL_FOLDER)


def _register(client: Any, run_id: str, source: str, tags: dict[str, str]) -> None:
    if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
        client.create_registered_model(MODEL_NAME)
    same_model = f"name = '{MODEL_NAME}' and tags.model_version = '{tags['model_version']}'"
    if client.search_model_versions(same_model, max_results=1):
        return
    client.create_model_version(MODEL_NAME, source=source, run_id=run_id, tags=tags)
