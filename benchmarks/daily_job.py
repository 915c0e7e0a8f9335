"""The whole daily job's wall time and peak memory, beside the same compiled SQL in one bare DuckDB process.

Run it with `make bench`. Both work on the default sample company, from nothing. The bare run executes what dbt
compiled, in dbt's order, in one DuckDB process without Dagster, dbt or tests. The tables that Python writes, and the
quarantine tables that dbt writes by hooks, are copied in from the job's warehouse before the clock starts. The ratio is
what orchestration, checks, scoring and publishing cost on top of the SQL.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parent.parent


def timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Wall seconds of a command, and the peak memory in MB of the largest process that ran so far."""
    began = time.perf_counter()
    subprocess.run(command, cwd=PROJECT, env=environment, check=True)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def models_in_order(manifest: dict) -> list[dict]:
    """The models of a dbt manifest, each after those it reads."""
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    ordered: dict[str, dict] = {}

    def add(key: str) -> None:
        if key in models and key not in ordered:
            for parent in models[key]["depends_on"]["nodes"]:
                add(parent)
            ordered[key] = models[key]

    for key in sorted(models):
        add(key)
    return list(ordered.values())


def run_bare_sql(data_dir: Path, target: Path) -> None:
    """Execute the compiled SQL of the job in `data_dir` against a new DuckDB file."""
    compiled = data_dir / "dbt_target" / "compiled" / "customer_intelligence"
    models = models_in_order(json.loads((data_dir / "dbt_target" / "manifest.json").read_text()))
    with duckdb.connect(str(target)) as connection:
        connection.execute("set TimeZone = 'UTC'; set threads = 2")
        connection.execute(f"attach '{data_dir / 'warehouse.duckdb'}' as job (read_only)")
        for schema in ("bronze", "silver", "gold", "quarantine"):
            connection.execute(f"create schema {schema}")
        from_sql = {(node["schema"], node["name"]) for node in models}
        rest = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'job'"
        )
        for schema, name in rest.fetchall():
            if (schema, name) not in from_sql:
                connection.execute(f"create table {schema}.{name} as from job.{schema}.{name}")
        connection.execute("detach job")
        began = time.perf_counter()
        for node in models:
            sql = (compiled / node["original_file_path"]).read_text()
            connection.execute(f"create table {node['schema']}.{node['name']} as {sql}")
        print(f"{time.perf_counter() - began:.2f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument(
        "--bare", nargs=2, type=Path, metavar=("DATA_DIR", "TARGET"), help="only the bare SQL"
    )
    arguments = parser.parse_args()
    if arguments.bare:
        run_bare_sql(*arguments.bare)
        return
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CUSTINT_")}
        environment |= {
            "CUSTINT_DATA_DIR": str(data_dir),
            "CUSTINT_SAMPLE_CUSTOMERS": str(arguments.customers),
        }
        bare = [sys.executable, __file__, "--bare", str(data_dir), str(Path(folder) / "warehouse.duckdb")]
        job_seconds, job_memory = timed([sys.executable, "-m", "dagster_project", "run"], environment)
        done = subprocess.run(bare, env=environment, check=True, capture_output=True, text=True)
    sql_seconds = float(done.stdout)
    print(f"\nwhole job   {job_seconds:7.1f} s   peak memory of its largest process {job_memory:,.0f} MB")
    print(f"bare SQL    {sql_seconds:7.1f} s   the same compiled models in one DuckDB process")
    print(f"ratio       {job_seconds / sql_seconds:7.1f}")


if __name__ == "__main__":
    main()
