"""What all landing assets have in common: their specs, and what is shown of their files.

Not here: sources.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from dagster_project.contracts import landing_objects
from dagster_project.defs.resources import DATA_ENGINEERING
from dagster_project.ingest.landing import write_empty_file
from dagster_project.settings import settings

NOTES = "notes"
"""Metadata of a landing asset: lines that a person should read after a run; `none` when there are none."""


def landing_specs(
    names: tuple[str, ...], what: str, freshness: dg.FreshnessPolicy | None = None
) -> list[dg.AssetSpec]:
    """One asset per landing object `<system>__<object>`."""
    return [
        dg.AssetSpec(
            ["landing", name],
            group_name="landing",
            owners=[DATA_ENGINEERING],
            description=f"Files of {name.replace('__', ' ')} as delivered: {what}",
            kinds={"parquet"},
            freshness_policy=freshness,
        )
        for name in names
    ]


def landed_files(
    name: str, counts: Mapping[str, Any], *checks: dg.AssetCheckResult
) -> dg.MaterializeResult[None]:
    """The result of one object, with the rows that now lie in landing; and its typed empty file."""
    system, object_name = name.split("__", 1)
    write_empty_file(settings().landing_dir, system, object_name, landing_objects()[name])
    folder: Path = settings().landing_dir / system / object_name
    row_count = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
    return dg.MaterializeResult(
        asset_key=["landing", name],
        metadata={"dagster/row_count": row_count, **counts, "folder": dg.MetadataValue.path(str(folder))},
        check_results=list(checks),
    )
