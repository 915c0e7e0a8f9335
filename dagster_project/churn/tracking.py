"""Keeps each churn model with its parameters and metrics, so that a probability can be traced to its model.

Here: one MLflow run per training, in a local SQLite file and a local folder, and one registered version per model with
the days on which it was trained and promoted. Not here: learning, and which version scores a day (`model_life.py`). No
server and no network are used; the model is kept as JSON and XGBoost's own UBJ with our SHA-256, never as a pickle.
"""

import datetime as dt
import hashlib
import logging
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import url2pathname

import polars as pl

from dagster_project.churn.trained import TrainedChurn

EXPERIMENT = "customer_churn"
MODEL_NAME = "customer_churn"
MODEL_FOLDER = "model"
CHAMPION, CHALLENGER = "champion", "challenger"
DECIDED = "decided_on_"
LONGEST_PARAMETER = 500
MOST_VERSIONS = 10_000
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Table and column of all that says where files lie."""


class ModelFilesError(Exception):
    """The files of a model are not those that were registered."""


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        number: Of the version.
        run_id: Of the run that trained it.
        model_version: Hash of the model.
        trained_as_of: Days whose training gave it, ascending.
        promoted_as_of: Days since which it scores, ascending; none if it never did.
        sha256: Of its files.
        is_withdrawn: Whether it must not score any more.
        decisions: What was decided on each day of `trained_as_of`.
    """

    number: int
    run_id: str
    model_version: str
    trained_as_of: tuple[dt.date, ...]
    promoted_as_of: tuple[dt.date, ...]
    sha256: str
    is_withdrawn: bool
    decisions: Mapping[dt.date, str]


def log_churn_model(tracking_dir: Path, model: TrainedChurn, is_promoted: bool, decision: str = "") -> str:
    """Log the run that trained a model, and register the model unless it has learned nothing.

    A run of the same day and model is logged once, and a model that another day has made already is no new version;
    that it was made again is noted with the version.

    Args:
        tracking_dir: Gets `mlflow.db` and `artifacts/`.
        model: What was learned.
        is_promoted: Whether it scores from now on.
        decision: What was decided on the day of the training; kept with the version.

    Returns:
        The run's id.
    """
    client = _client(tracking_dir)
    experiment_id = _experiment_id(client, tracking_dir)
    day = model.trained_as_of.isoformat()
    key = {"as_of_date": day, "model_version": model.model_version}
    wanted = " and ".join(f"tags.{name} = '{value}'" for name, value in key.items())
    finished = client.search_runs(
        [experiment_id], f"{wanted} and attributes.status = 'FINISHED'", max_results=1
    )
    if finished:
        run_id = str(finished[0].info.run_id)
    else:
        tags = {**key, "status": model.status}
        run = client.create_run(experiment_id, tags=tags, run_name=f"{day} {model.model_version}")
        run_id = str(run.info.run_id)
        for name, value in model.parameters.items():
            client.log_param(run_id, name, str(value)[:LONGEST_PARAMETER])
        for row in model.measures.filter(pl.col("value").is_not_null()).to_dicts():
            client.log_metric(run_id, f"{row['dataset']}_{row['metric']}", row["value"])
        _log_files(client, run_id, model.files())
        client.set_terminated(run_id)  # last, so that a run that broke off is not taken for a whole one
    if model.status != "insufficient_data":
        _register(client, run_id, model, is_promoted, decision)
    return run_id


def registered_models(tracking_dir: Path) -> list[Registered]:
    """All versions, oldest first; none where nothing was ever trained."""
    if not (tracking_dir / "mlflow.db").exists():
        return []
    client = _client(tracking_dir)
    versions = client.search_model_versions(f"name = '{MODEL_NAME}'", max_results=MOST_VERSIONS)
    found = [
        Registered(
            int(version.version),
            version.run_id,
            version.tags["model_version"],
            tuple(sorted(dt.date.fromisoformat(day) for day in version.tags["trained_as_of"].split())),
            tuple(
                sorted(dt.date.fromisoformat(day) for day in version.tags.get("promoted_as_of", "").split())
            ),
            version.tags["model_sha256"],
            version.tags.get("is_withdrawn") == "true",
            {
                dt.date.fromisoformat(name.removeprefix(DECIDED)): told
                for name, told in version.tags.items()
                if name.startswith(DECIDED)
            },
        )
        for version in versions
        if "trained_as_of" in version.tags  # those of older code say nothing of promotion
    ]
    return sorted(found, key=lambda one: one.number)


def read_model(tracking_dir: Path, registered: Registered) -> TrainedChurn:
    """A registered model.

    Raises:
        ModelFilesError: Its files are not those that were registered.
    """
    uri = _client(tracking_dir).get_run(registered.run_id).info.artifact_uri
    folder = Path(url2pathname(urlparse(uri).path)) / MODEL_FOLDER
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*"))}
    if _sha256(files) != registered.sha256:
        raise ModelFilesError(
            f"the files of churn model {registered.model_version} in {folder} are not those that were registered:"
            " put them back from a backup, or type `python -m dagster_project churn-rollback` for the model before"
        )
    return TrainedChurn.from_files(files)


def withdraw(tracking_dir: Path, registered: Registered) -> None:
    """Never score with this version again; the one promoted before it is the champion."""
    client = _client(tracking_dir)
    client.set_model_version_tag(MODEL_NAME, str(registered.number), "is_withdrawn", "true")
    _name_champion(client)


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


def _register(client: Any, run_id: str, model: TrainedChurn, is_promoted: bool, decision: str) -> None:
    if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
        client.create_registered_model(MODEL_NAME)
    same_model = f"name = '{MODEL_NAME}' and tags.model_version = '{model.model_version}'"
    versions = client.search_model_versions(same_model, max_results=1)
    if versions:
        version = versions[0]
    else:
        tags = {
            "model_version": model.model_version,
            "status": model.status,
            "model_sha256": _sha256(model.files()),
        }
        source = f"{client.get_run(run_id).info.artifact_uri}/{MODEL_FOLDER}"
        version = client.create_model_version(MODEL_NAME, source=source, run_id=run_id, tags=tags)
    for name in ("trained_as_of", *(["promoted_as_of"] if is_promoted else [])):
        days = {*version.tags.get(name, "").split(), model.trained_as_of.isoformat()}
        client.set_model_version_tag(MODEL_NAME, version.version, name, " ".join(sorted(days)))
    client.set_model_version_tag(MODEL_NAME, version.version, f"{DECIDED}{model.trained_as_of}", decision)
    client.set_registered_model_alias(MODEL_NAME, CHALLENGER, version.version)
    _name_champion(client)


def _name_champion(client: Any) -> None:
    """The alias follows the tags: of the versions that are not withdrawn, the one that was promoted last."""
    versions = client.search_model_versions(f"name = '{MODEL_NAME}'", max_results=MOST_VERSIONS)
    promoted = [
        (max(version.tags["promoted_as_of"].split()), int(version.version))
        for version in versions
        if version.tags.get("promoted_as_of") and version.tags.get("is_withdrawn") != "true"
    ]
    if promoted:
        client.set_registered_model_alias(MODEL_NAME, CHAMPION, str(max(promoted)[1]))


def _sha256(files: Mapping[str, bytes]) -> str:
    return hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()
