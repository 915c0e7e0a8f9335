"""The dbt models as assets, in the four stretches between which Python has a part.

A model's tag says in which stretch it is built; without one it is the main stretch. Not here: SQL, and the assets that
Python writes.
"""

import fcntl
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from dagster_project.contract_macro import refresh_contract_macro
from dagster_project.contracts import Table, gold_tables
from dagster_project.day_figures import queried_figures
from dagster_project.defs import dbt_runner
from dagster_project.defs.lineage import column_lineages, lineage_metadata
from dagster_project.defs.resources import (
    ANALYTICS,
    DATA_ENGINEERING,
    NIGHTLY,
    ONE_DAY_PER_RUN,
    daily,
    run_as_of_date,
    tell_dbt,
)
from dagster_project.defs.unchanged import STRETCHES, Plan, forget, plan_step, remember
from dagster_project.defs.warehouse_io import missing_day, read_warehouse, was_built
from dagster_project.settings import DBT_DIR, settings
from dagster_project.source_digest import source_digest
from dagster_project.stored_rows import stored_rows_fingerprint
from dagster_project.table_versions import BUILT, table_codes

BEFORE_IDENTITY, DAILY_FEATURES, DAILY_MARTS = (f"tag:{tag}" for tag in STRETCHES if tag)
STILL_TRUE = "passed when the table was built; nothing that it is made of has changed since"
_GOLD = "select table_name from duckdb_tables() where schema_name = 'gold'"


def parsed_project() -> DbtProject:
    """The dbt project with the manifest of its files as they are.

    Processes may start together (the code server and the daemon of the UI, workers of the tests): one parses, the
    others wait.
    """
    target = DBT_DIR / "target"
    target.mkdir(exist_ok=True)
    with (target / "parsing.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refresh_contract_macro()
        project = DbtProject(project_dir=DBT_DIR, profiles_dir=DBT_DIR)
        manifest = project.manifest_path
        parsed = manifest.with_name("parsed_sources")
        written = [path.stat().st_mtime if path.exists() else 0 for path in (manifest, parsed)]
        is_by_us = 0 < written[0] <= written[1]  # unless dbt was run by hand since
        if not is_by_us or parsed.read_text() != source_digest(DBT_DIR):
            dbt_runner.parse(manifest.parent)
            parsed.write_text(source_digest(DBT_DIR))
    return project


def column_schema(table: Table) -> dg.TableSchema:
    """A contract's columns as the Dagster UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.data_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=not column.not_null),
                tags={"unit": column.unit} if column.unit else {},
            )
            for column in table.columns
        ]
    )


class LayeredTranslator(DagsterDbtTranslator):
    """Names an asset by its layer and table, groups it by layer and gives it its owner."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """What a table reads, without the tables in which dbt keeps its own work: they are no step of the data."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        kept_by_dbt = {
            self.get_asset_key(source)
            for source in manifest["sources"].values()
            if source["source_name"] == "bookkeeping"
        }
        deps = [dep for dep in spec.deps if dep.asset_key not in kept_by_dbt]
        if spec.key.path[0] != "gold":
            return spec.replace_attributes(deps=deps)
        return spec.replace_attributes(deps=deps, freshness_policy=NIGHTLY)

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`<layer>/<table>`, except where a table says which asset writes it."""
        declared = dbt_resource_props.get("config", {}).get("meta", {}).get("dagster", {}).get("asset_key")
        if declared:
            return dg.AssetKey(declared)
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["schema"], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer."""
        return self.get_asset_key(dbt_resource_props).path[0]

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """Gold belongs to those who publish it, everything below to those who load it."""
        return [ANALYTICS if self.get_group_name(dbt_resource_props) == "gold" else DATA_ENGINEERING]

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The grain and meaning, without the SQL text that the parent class appends."""
        return str(dbt_resource_props.get("description") or "")

    def get_metadata(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, Any]:
        """Adds the contract's columns, and the partition column of daily tables."""
        metadata = dict(super().get_metadata(dbt_resource_props))
        name = dbt_resource_props["name"]
        if name in gold_tables():
            metadata["dagster/column_schema"] = column_schema(gold_tables()[name])
        if dbt_resource_props.get("config", {}).get("unique_key") == "as_of_date":
            metadata["partition_expr"] = "as_of_date"
        return metadata


@cache
def fingerprint() -> str:
    """Stands for what shapes the stored rows of incremental tables."""
    shaping = (settings().reporting_currency, settings().late_arrival_days)
    return stored_rows_fingerprint(_manifest, DBT_DIR, shaping)


@cache
def _codes() -> dict[str, str]:
    return table_codes(_manifest, DBT_DIR)


def build(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Build the selected tables that are not what they would be, run their tests, and count the rows of all.

    The rows are counted here, after dbt has closed the warehouse: dagster-dbt's own counting keeps it open with
    settings of its own.
    """
    as_of_date = run_as_of_date(context)
    tell_dbt(as_of_date, fingerprint())
    selected = _tables(context.selected_asset_keys)
    plan = plan_step(_manifest, _codes(), selected.keys(), str(as_of_date or ""), fingerprint())
    if plan.unchanged:
        context.log.info(f"{len(plan.unchanged)} tables stay: nothing that they are made of has changed")
    events: list[Any] = []
    failure = None
    if plan.built or not selected:
        context.log.debug(f"built and tested: {', '.join(plan.built)}")
        forget(plan.built)
        nodes = [*plan.built, *plan.tests]
        try:
            for event in dbt_runner.build(
                context, _manifest, _translator, settings().dbt_target_dir, nodes, partial(_remember, plan)
            ):
                events.append(event)  # noqa: PERF402 - what came before a failure counts
        except dg.Failure as error:
            failure = error
    yield from _in_order(context, events, {name: selected[name] for name in plan.unchanged}, selected)
    if failure:
        raise failure


def _in_order(
    context: dg.AssetExecutionContext,
    events: Sequence[Any],
    unchanged: Mapping[str, dg.AssetKey],
    selected: Mapping[str, dg.AssetKey],
) -> Iterator[Any]:
    """What dbt has built and what stays, each table after those that it reads, as Dagster wants them; then the rest."""
    metadata = _Metadata(context, selected)
    outputs = {
        context.asset_key_for_output(event.output_name): event
        for event in events
        if isinstance(event, dg.Output)
    }
    for key in unchanged.values():
        outputs[key] = dg.Output(None, context.output_for_asset_key(key), metadata={"built_anew": False})
    reads = {
        name: set(_manifest["nodes"][name]["depends_on"].get("nodes", ())) & selected.keys()
        for name in selected
    }
    for name in TopologicalSorter(reads).static_order():
        output = outputs.get(selected[name])
        if output:
            yield output.with_metadata({**output.metadata, **metadata.of(selected[name])})
    others = [event for event in events if not isinstance(event, dg.Output)]
    yield from others
    judged = {
        dg.AssetCheckKey(event.asset_key, event.check_name)
        for event in others
        if isinstance(event, dg.AssetCheckResult) and event.asset_key and event.check_name
    }
    for check in sorted(context.selected_asset_check_keys - judged, key=str):
        if check.asset_key in unchanged.values():
            yield dg.AssetCheckResult(
                asset_key=check.asset_key, check_name=check.name, passed=True, description=STILL_TRUE
            )


def _remember(plan: Plan, statuses: Mapping[str, str]) -> None:
    """Keep the versions of what was built, and whether each test that reads it has passed."""
    failed = {
        parent
        for test in plan.tests
        if statuses.get(test) != "pass"
        for parent in _manifest["nodes"][test]["depends_on"]["nodes"]
    }
    built = {name: plan.versions[name] for name in plan.built if statuses.get(name) == "success"}
    if built:
        remember(built, built.keys() - failed)


class _Metadata:
    """What the UI shows of each table that a step has built or left as it is; read once, after dbt is done."""

    def __init__(self, context: dg.AssetExecutionContext, selected: Mapping[str, dg.AssetKey]) -> None:
        self._day = context.partition_key if context.has_partition_key else ""
        self._selected = selected

    @cached_property
    def _counts(self) -> dict[tuple[str, ...], int]:
        with read_warehouse() as connection:
            found = connection.execute(
                "select schema_name, table_name, estimated_size from duckdb_tables()"
            ).fetchall()
        return {(schema, name): count for schema, name, count in found}

    @cached_property
    def _lineages(self) -> dict[dg.AssetKey, dg.TableColumnLineage]:
        models = [name for name in self._selected if _manifest["nodes"][name]["resource_type"] == "model"]
        return column_lineages(models, _manifest, _translator, settings().dbt_target_dir)

    def of(self, key: dg.AssetKey) -> dict[str, Any]:
        """Row count, figures that the UI plots, and column lineage."""
        if tuple(key.path) not in self._counts:
            return {}
        lineage = lineage_metadata(self._lineages[key]) if key in self._lineages else {}
        figures = queried_figures(key.path[-1], self._day, _row_of)
        return {"dagster/row_count": self._counts[tuple(key.path)], **figures, **lineage}


def _require_the_day(context: dg.AssetExecutionContext) -> None:
    """Refuse a day that a daily table which the selected models read does not have: SQL would take it as empty.

    Raises:
        dg.Failure: One line that names the table, the day and what to run.
    """
    day = context.partition_key
    read = {
        parent
        for key in context.selected_asset_keys
        for parent in context.assets_def.asset_deps[key]
        if "as_of_date" in getattr(gold_tables().get(parent.path[-1]), "grain", ())
        and parent.path[0] == "gold"
    } - context.assets_def.keys
    with read_warehouse() as connection:
        known = {name for (name,) in connection.execute(_GOLD).fetchall()}
        for key in sorted(read):
            table = ".".join(key.path)
            query = f"select 1 from {table} where as_of_date = ? limit 1"
            is_there = key.path[-1] in known and connection.execute(query, [day]).fetchall()
            if not is_there and not was_built(context.instance, key, day):
                raise missing_day(table, day)


def _tables(assets: Collection[dg.AssetKey]) -> dict[str, dg.AssetKey]:
    """Unique ids of the models and seeds behind assets, with their keys."""
    known = {
        name: _translator.get_asset_key(node)
        for name, node in _manifest["nodes"].items()
        if node["resource_type"] in BUILT
    }
    return {name: key for name, key in known.items() if key in assets}


def _row_of(query: str) -> dict[str, Any]:
    with read_warehouse() as connection:
        return next(iter(connection.execute(query).pl().to_dicts()), {})


_project = parsed_project()
_manifest = json.loads(_project.manifest_path.read_text())
_translator = LayeredTranslator()


@dbt_assets(
    manifest=_project.manifest_path, dagster_dbt_translator=_translator, project=_project,
    select=BEFORE_IDENTITY, name="dbt_bronze",
)  # fmt: skip
def dbt_bronze(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Landing to bronze and quarantine, and what identity resolution needs."""
    yield from build(context)


@dbt_assets(
    manifest=_project.manifest_path, dagster_dbt_translator=_translator, project=_project,
    exclude=f"{BEFORE_IDENTITY} {DAILY_FEATURES} {DAILY_MARTS}", name="dbt_silver_and_gold",
)  # fmt: skip
def dbt_silver_and_gold(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Canonical entities, dimensions, facts and the past snapshots that models learn from."""
    yield from build(context)


@dbt_assets(
    manifest=_project.manifest_path, dagster_dbt_translator=_translator, project=_project,
    select=DAILY_FEATURES, partitions_def=daily, backfill_policy=ONE_DAY_PER_RUN, name="dbt_daily_features",
)  # fmt: skip
def dbt_daily_features(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """What was known about each customer at the end of the day."""
    yield from build(context)


@dbt_assets(
    manifest=_project.manifest_path, dagster_dbt_translator=_translator, project=_project,
    select=DAILY_MARTS, partitions_def=daily, backfill_policy=ONE_DAY_PER_RUN, name="dbt_daily_marts",
)  # fmt: skip
def dbt_daily_marts(context: dg.AssetExecutionContext) -> Iterator[Any]:
    """Marts that read the day's scores again."""
    _require_the_day(context)
    yield from build(context)
