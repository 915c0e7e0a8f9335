"""What a person would notice at once, as asset checks: one step per stage, between it and who reads it.

Not here: what is measured and judged (`quality/`), and the checks of contracts (`scored.py`, dbt's tests).
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import dagster as dg
import duckdb
import polars as pl

from dagster_project.contracts import Table, bronze_tables, gold_tables
from dagster_project.databases import connect
from dagster_project.defs.dbt import dbt_daily_marts
from dagster_project.defs.resources import run_as_of_date, run_started_at
from dagster_project.publish.generation import DATABASE_NAME
from dagster_project.quality.intake import intake_rules, profile_intake
from dagster_project.quality.judgement import Finding, Rule, judge
from dagster_project.quality.pages import Stage, write_pages
from dagster_project.quality.tables import RULES, currency_profile, profile_tables
from dagster_project.settings import settings

CHECK = "quality"
"""The name of all these checks; the lines of those that warn are in the summary of a run."""

# Who reads a table whose check blocks waits for the whole step. So only the last table of a stage has such a check, the
# door to all that follows: a check that blocks in the midst of a dbt step would cut that step in two.
DOORS = {
    "intake": ("silver", "parties"),
    "gold": ("gold", "customer_features"),
    "scores": ("gold", "customer_360"),
}

Measured = tuple[pl.DataFrame, Sequence[Rule]]
Profile = Callable[[duckdb.DuckDBPyConnection, dt.date | None, bool], Measured]


def _profile_intake(
    connection: duckdb.DuckDBPyConnection, day: dt.date | None, has_published: bool
) -> Measured:
    profile = profile_intake(
        connection, bronze_tables(), settings().landing_dir, day=day, has_published=has_published
    )
    return profile, intake_rules(accepts_older_data=settings().accept_older_data)


def _profile_of(tables: Sequence[Table]) -> Profile:
    def profile(connection: duckdb.DuckDBPyConnection, day: dt.date | None, has_published: bool) -> Measured:
        measured = profile_tables(connection, tables, day=day, has_published=has_published)
        if any(table.name == "fct_transactions" for table in tables):
            currency = currency_profile(connection, settings().reporting_currency)
            measured = pl.concat([measured, currency])
        return measured, RULES

    return profile


def _measured(profile: Profile, day: dt.date | None) -> Measured:
    published = (settings().published_dir / DATABASE_NAME).resolve()
    with connect(settings().warehouse_path, read_only=True) as connection:
        if published.exists():
            connection.execute(f"attach '{published}' as published (read_only)")
        return profile(connection, day, published.exists())


def _result(asset: dg.AssetKey, findings: Sequence[Finding], page: str) -> dg.AssetCheckResult:
    blocks = any(finding.is_blocking for finding in findings)
    return dg.AssetCheckResult(
        passed=not findings,
        asset_key=asset,
        check_name=CHECK,
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        description="\n".join(finding.line for finding in findings) or "nothing that a person would notice",
        metadata={"findings": len(findings), "page": dg.MetadataValue.path(page)},
    )


def _stage(name: str, keys: Sequence[tuple[str, str]], profile: Profile) -> dg.AssetChecksDefinition:
    """The checks of one stage, in one step and one validation; that of its door has all findings that block."""
    described = (
        f"{name.capitalize()} as a person would look at it: pages in data/quality/index.html. Some findings stop the"
        " run, the others warn."
    )

    @dg.multi_asset_check(
        name=f"{name}_quality",
        specs=[
            dg.AssetCheckSpec(CHECK, asset=key, blocking=key == DOORS[name], description=described)
            for key in keys
        ],
        can_subset=True,
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        day = run_as_of_date(context)
        measured, rules = _measured(profile, day)
        judgement = judge(name, measured, rules)
        stage = Stage(name, run_started_at(context), measured, rules)
        page = write_pages(settings().quality_dir, str(day or "without a day"), stage, judgement)
        for selected in sorted(context.selected_asset_check_keys):
            layer, table = selected.asset_key.path
            is_door = (layer, table) == DOORS[name]
            findings = [
                finding
                for finding in judgement.findings
                if finding.table == table or is_door and finding.is_blocking
            ]
            yield _result(selected.asset_key, findings, str(page))
        if judgement.is_blocking:  # also where the door is not among what is run
            raise dg.Failure(
                "\n".join(finding.line for finding in judgement.findings if finding.is_blocking),
                allow_retries=False,
            )

    return check


_marts = {key.path[-1] for key in dbt_daily_marts.keys}
_scores = [table for table in gold_tables().values() if table.is_written_by_python or table.name in _marts]
_shaped = [table for table in gold_tables().values() if table not in _scores]

intake_quality = _stage(
    "intake", [*(("bronze", name) for name in bronze_tables()), DOORS["intake"]], _profile_intake
)
gold_quality = _stage("gold", [("gold", table.name) for table in _shaped], _profile_of(_shaped))
scores_quality = _stage("scores", [("gold", table.name) for table in _scores], _profile_of(_scores))
