"""The floor under a daily job: its compiled SQL in one bare DuckDB process, and its estimators on frames from there.

Without Dagster, dbt, tests, contracts and publishing. Works on the data folder of a job that has run, and changes
nothing in it. The tables that Python writes are copied from the job's warehouse before the clock starts.

Not here: the job itself (`daily_job.py`).
"""

import argparse
import datetime as dt
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from dagster_project.churn.score import score_churn  # noqa: E402
from dagster_project.contracts import gold_tables  # noqa: E402
from dagster_project.databases import connect, limit_databases  # noqa: E402
from dagster_project.health.score import score_health  # noqa: E402
from dagster_project.identity.overrides import no_overrides  # noqa: E402
from dagster_project.identity.resolve import resolve_identities  # noqa: E402
from dagster_project.incentives.effects import acceptance_shares, estimate_effects, learn_effects  # noqa: E402
from dagster_project.incentives.recommend import recommend_incentives  # noqa: E402
from dagster_project.satisfaction.sentiment import score_ticket_sentiment  # noqa: E402
from dagster_project.settings import DBT_DIR, settings  # noqa: E402
from dagster_project.value.activity import score_activity  # noqa: E402
from dagster_project.value.clv import score_clv  # noqa: E402
from dagster_project.value.contest import run_contest  # noqa: E402
from dagster_project.value.next_purchase import score_next_purchase  # noqa: E402
from dagster_project.value.rfm import score_rfm  # noqa: E402
from dagster_project.value.value_rows import Terms  # noqa: E402

RANDOM_STATE = 1


@dataclass(frozen=True)
class Cost:
    """What one model or estimator costs.

    Attributes:
        name: Schema and table, or the estimator.
        seconds: Wall.
        cpu_seconds: Of all threads; does not depend on what else the machine does.
        rows: Rows written.
        memory_mb: Peak of DuckDB's buffers for a model; 0 for an estimator, whose memory is the process's.
    """

    name: str
    seconds: float
    cpu_seconds: float
    rows: int
    memory_mb: float


def models_in_order(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The models of a dbt manifest, each after those it reads."""
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    ordered: dict[str, dict[str, Any]] = {}

    def add(key: str) -> None:
        if key in models and key not in ordered:
            for parent in models[key]["depends_on"]["nodes"]:
                add(parent)
            ordered[key] = models[key]

    for key in sorted(models):
        add(key)
    return list(ordered.values())


def bare_models(data_dir: Path) -> Iterator[Cost]:
    """Execute the compiled SQL of the job in `data_dir` against a new DuckDB file, a model at a time."""
    compiled = data_dir / "dbt_target" / "compiled" / "customer_intelligence"
    models = models_in_order(json.loads((DBT_DIR / "target" / "manifest.json").read_text()))
    with tempfile.TemporaryDirectory() as folder, connect(Path(folder) / "warehouse.duckdb") as connection:
        connection.execute(
            f"set TimeZone = 'UTC'; attach '{data_dir / 'warehouse.duckdb'}' as job (read_only)"
        )
        for schema in ("bronze", "silver", "gold", "quarantine"):
            connection.execute(f"create schema {schema}")
        from_sql = {(node["schema"], node["name"]) for node in models}
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'job'"
        ).fetchall()
        for schema, name in set(tables) - from_sql:
            connection.execute(f"create table {schema}.{name} as from job.{schema}.{name}")
        connection.execute("detach job")
        connection.execute("pragma enable_profiling = 'no_output'")
        connection.execute("""pragma custom_profiling_settings = '{"SYSTEM_PEAK_BUFFER_MEMORY": "true"}'""")
        for node in models:
            name = f"{node['schema']}.{node['name']}"
            if node["schema"] == "bronze":
                _choose_landing_files(connection, data_dir, node["name"])
            sql = (compiled / node["original_file_path"]).read_text()
            yield _build(connection, name, sql, is_view=node["config"]["materialized"] == "view")


def _build(connection: duckdb.DuckDBPyConnection, name: str, sql: str, is_view: bool) -> Cost:
    """Create a table with what it leaves to be written, or the next one would pay for it."""
    clock = Clock()
    connection.execute(f"create {'view' if is_view else 'table'} {name} as {sql}")
    profile = json.loads(connection.get_profiling_information("json"))
    connection.execute("checkpoint")
    seconds, cpu_seconds = clock.read()
    ((rows,),) = [(0,)] if is_view else connection.execute(f"select count(*) from {name}").fetchall()
    return Cost(name, seconds, cpu_seconds, rows, profile.get("system_peak_buffer_memory", 0) / 2**20)


def _choose_landing_files(connection: duckdb.DuckDBPyConnection, data_dir: Path, name: str) -> None:
    """As the hook of bronze does in a first run: all batches of a vendor, the newest of a dropped file."""
    folder = data_dir / "landing" / Path(*name.split("__", 1))
    files = sorted(str(path) for path in folder.glob("*.parquet") if path.name != "_empty.parquet")
    chosen = files[-1:] if name.startswith("files__") else files
    connection.execute(f"set variable {name}_files = $1::varchar[]", [chosen])
    connection.execute(f"set variable {name}_load = 1")


class Clock:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both, so far."""
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def bare_estimators(warehouse: Path, day: dt.date) -> Iterator[Cost]:
    """Run each estimator once on the frames that the job gives it."""
    with connect(warehouse, read_only=True) as connection:

        def table(name: str, where: str = "true") -> pl.DataFrame:
            return pl.DataFrame(connection.execute(f"from {name} where {where}").to_arrow_table())

        of_day = f"as_of_date = date '{day}'"
        features, snapshots = (
            table("gold.customer_features", of_day),
            table("silver.customer_feature_snapshots"),
        )
        outcomes, catalogue = table("silver.incentive_training_examples"), table("bronze.incentive_catalogue")
        purchase_days = table("silver.purchase_days")
        activity_features = table("gold.activity_features", of_day)
        parties, texts = table("silver.parties"), table("silver.ticket_texts")
    horizon = settings().churn_horizon_days
    terms = Terms(settings().gross_margin_share, settings().annual_discount_share)
    found: dict[str, Any] = {}
    estimators: dict[str, Callable[[], Any]] = {
        "identities": lambda: resolve_identities(parties, no_overrides(), pl.DataFrame()).identities,
        "ticket_sentiments": lambda: score_ticket_sentiment(texts),
        "customer_rfm": lambda: score_rfm(features),
        "clv_model_contest": lambda: run_contest(purchase_days, features, day),
        "customer_next_purchase": lambda: score_next_purchase(
            features, purchase_days, found["clv_model_contest"], day
        ),
        "customer_activity": lambda: score_activity(activity_features),
        "customer_health": lambda: score_health(
            features, found["customer_rfm"], gold_tables()["customer_health"].levels("health_level")
        ),
        "customer_churn": lambda: score_churn(features, snapshots, day, horizon, RANDOM_STATE).customers,
        "customer_clv": lambda: score_clv(
            features, purchase_days, found["clv_model_contest"], found["customer_churn"], horizon, terms
        )[0],
        "incentive_effects": lambda: estimate_effects(outcomes, day),
        "customer_incentives": lambda: recommend_incentives(
            features, found["customer_churn"], found["customer_clv"], learn_effects(outcomes, day), catalogue,
            acceptance_shares(outcomes, day),
        ),
    }  # fmt: skip
    for name, estimate in estimators.items():
        clock = Clock()
        found[name] = estimate()
        yield Cost(name, *clock.read(), found[name].height, 0.0)


def best_of(runs: list[list[Cost]]) -> list[Cost]:
    """Each model or estimator as it was when it was quickest."""
    return [
        replace(
            costs[0], seconds=min(c.seconds for c in costs), cpu_seconds=min(c.cpu_seconds for c in costs)
        )
        for costs in zip(*runs, strict=True)
    ]


def main() -> None:
    """Print the costs as JSON: models, estimators, and the peak memory of this process in MB."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("day", type=dt.date.fromisoformat)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    limit_databases(settings().database_limits)
    models = best_of([list(bare_models(arguments.data_dir)) for _ in range(arguments.repeats)])
    sql_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    warehouse = arguments.data_dir / "warehouse.duckdb"
    estimators = best_of([list(bare_estimators(warehouse, arguments.day)) for _ in range(arguments.repeats)])
    print(json.dumps({
        "models": [asdict(cost) for cost in models],
        "estimators": [asdict(cost) for cost in estimators],
        "sql_memory_mb": sql_memory,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
