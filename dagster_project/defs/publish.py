"""The published gold as an asset: last in the graph, behind every blocking check. The work is in `publish/`."""

import dagster as dg

from dagster_project.contracts import gold_tables
from dagster_project.defs.resources import ANALYTICS, NIGHTLY, run_as_of_date, run_started_at
from dagster_project.expected_days import remember_run_days
from dagster_project.publish.generation import DATABASE_NAME, PublishError, publish_generation
from dagster_project.settings import DBT_DIR, PROJECT_DIR, settings
from dagster_project.source_digest import source_digest


@dg.asset(
    key=["published", "customer_intelligence"],
    group_name="published",
    owners=[ANALYTICS],
    kinds={"duckdb", "parquet"},
    freshness_policy=NIGHTLY,
    deps=[dg.AssetKey(["gold", name]) for name in gold_tables()],
)
def customer_intelligence(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """The gold tables that analysts open: DuckDB, Parquet and manifest, swapped in at once."""
    started_at = run_started_at(context)
    as_of_date = run_as_of_date(context)
    try:
        published = publish_generation(
            settings().warehouse_path,
            settings().published_dir,
            list(gold_tables().values()),
            generation=f"{started_at:%Y%m%dT%H%M%S}-{context.run_id[:8]}",
            run_id=context.run_id,
            as_of_date=as_of_date.isoformat() if as_of_date else "",
            code_version=source_digest(PROJECT_DIR / "dagster_project", DBT_DIR),
            with_contacts=settings().publish_contacts,
        )
    except PublishError as error:
        raise dg.Failure(
            f"Not published, what was published before stays: {error}", allow_retries=False
        ) from None
    remember_run_days(settings().run_days_path, settings().warehouse_path)
    return dg.MaterializeResult(
        metadata={
            "file": dg.MetadataValue.path(str(settings().published_dir / DATABASE_NAME)),
            "tables": dg.MetadataValue.table(
                [dg.TableRecord({"table": name, "rows": table.rows}) for name, table in published.items()]
            ),
        }
    )
