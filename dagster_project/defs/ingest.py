"""Sources to landing as assets: one per landing object, so that each table's first file has a place in the graph.

Not here: how a source is read (`ingest/`, `sample_company/`).
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from dagster_project.contracts import landing_objects
from dagster_project.defs.resources import DATA_ENGINEERING, run_as_of_date, run_started_at
from dagster_project.ingest.company import claim_data_dir
from dagster_project.ingest.file_drop import FileDropError, land_file_drop
from dagster_project.ingest.landing import write_empty_file
from dagster_project.sample_company import SampleCompanyMismatch, land_sample_company
from dagster_project.settings import settings

VENDOR_OBJECTS = [name for name in landing_objects() if not name.startswith("files__")]
FILE_DROP_OBJECTS = [name for name in landing_objects() if name.startswith("files__")]
SAMPLE_END_DATE = dt.date(2026, 9, 30)


def _specs(names: list[str], what: str) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            ["landing", name],
            group_name="landing",
            owners=[DATA_ENGINEERING],
            description=f"Files of {name.replace('__', ' ')} as delivered: {what}",
            kinds={"parquet"},
        )
        for name in names
    ]


def _materialized(names: list[str], landed: dict[str, int]) -> Iterator[dg.MaterializeResult[None]]:
    """One result per object, with the rows that now lie in landing; and its typed empty file."""
    for name in names:
        system, object_name = name.split("__", 1)
        write_empty_file(settings().landing_dir, system, object_name, landing_objects()[name])
        folder: Path = settings().landing_dir / system / object_name
        row_count = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
        yield dg.MaterializeResult(
            asset_key=["landing", name],
            metadata={
                "dagster/row_count": row_count,
                "new_rows": landed.get(name, 0),
                "folder": dg.MetadataValue.path(str(folder)),
            },
        )


@dg.multi_asset(specs=_specs(VENDOR_OBJECTS, "immutable Parquet batches in the vendor's own shape."))
def vendor_landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """The vendors' objects: written by the sample company where it is a source, else empty."""
    claim_data_dir(settings().data_dir, settings().sources, settings().reporting_currency)
    landed: dict[str, int] = {}
    if "sample" in settings().sources:
        try:
            landed = land_sample_company(
                settings().landing_dir,
                settings().sample_truth_dir,
                customer_count=settings().sample_customers,
                through_date=run_as_of_date(context) or SAMPLE_END_DATE,
            )
        except SampleCompanyMismatch as error:
            raise dg.Failure(str(error), allow_retries=False) from None
    yield from _materialized(VENDOR_OBJECTS, landed)


@dg.multi_asset(specs=_specs(FILE_DROP_OBJECTS, "text as dropped in the inbox; the newest batch counts."))
def file_drop_landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """The user's own files from the inbox, where `files` is a source, else empty."""
    claim_data_dir(settings().data_dir, settings().sources, settings().reporting_currency)
    landed: dict[str, int] = {}
    if "files" in settings().sources:
        try:
            objects = land_file_drop(settings().inbox_dir, settings().landing_dir, run_started_at(context))
        except FileDropError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        landed = {f"files__{found.object_name}": found.row_count for found in objects if found.is_new}
    yield from _materialized(FILE_DROP_OBJECTS, landed)
