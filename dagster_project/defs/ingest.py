"""The sample company, the file drop, and the systems that nobody connected, as landing assets.

Every landing object is an asset, so that each table's first file has a place in the graph. Not here: live sources
(`live_sources.py`), and how a source is read (`ingest/`, `sample_company/`).
"""

from collections.abc import Iterator
from functools import partial

import dagster as dg

from dagster_project.contracts import landing_objects, system_objects
from dagster_project.defs.landing_assets import NOTES, landed_files, landing_specs
from dagster_project.defs.resources import run_as_of_date, run_started_at
from dagster_project.ingest.company import claim_data_dir
from dagster_project.ingest.files.drop import FileDropError, land_file_drop, waiting_erasures
from dagster_project.ingest.streams import Landed
from dagster_project.sample_company import SampleCompanyMismatch, land_sample_company
from dagster_project.sample_company.shop import export_shop
from dagster_project.settings import SAMPLE_END_DATE, settings

LIVE_OBJECTS = [name for source in settings().live_sources.values() for name in source.objects]
FILE_DROP_OBJECTS = system_objects("files")
VENDOR_OBJECTS = tuple(name for name in landing_objects() if name not in (*LIVE_OBJECTS, *FILE_DROP_OBJECTS))
ERASURES = "files__erasure_requests"


@dg.multi_asset(specs=landing_specs(VENDOR_OBJECTS, "immutable Parquet batches in the vendor's own shape."))
def vendor_landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Objects of vendors that no live source reads: written by the software firm where it is a source, else empty."""
    claim_data_dir(settings().data_dir, settings().sources, settings().reporting_currency)
    landed: dict[str, int] = {}
    if "sample" in settings().sources and not settings().is_shop_simulated:
        try:
            landed = land_sample_company(
                settings().landing_dir,
                settings().sample_truth_dir,
                customer_count=settings().sample_customers,
                through_date=run_as_of_date(context) or SAMPLE_END_DATE,
            )
        except SampleCompanyMismatch as error:
            raise dg.Failure(str(error), allow_retries=False) from None
    for name in VENDOR_OBJECTS:
        yield landed_files(name, {"new_rows": landed.get(name, 0)})


@dg.multi_asset(
    specs=landing_specs(
        FILE_DROP_OBJECTS,
        "text as dropped in the inbox, numbers and dates in one notation; the newest batch counts.",
    )
)
def file_drop_landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """The user's own files from the inbox, or the exports of the simulated shop; empty where neither is a source."""
    claim_data_dir(settings().data_dir, settings().sources, settings().reporting_currency)
    land = partial(
        land_file_drop,
        landing_dir=settings().landing_dir,
        reporting_currency=settings().reporting_currency,
    )
    objects: list[Landed] = []
    try:
        if settings().is_shop_simulated:
            exported_at = export_shop(
                settings().sample_inbox_dir,
                settings().landing_dir,
                settings().sample_truth_dir,
                customer_count=settings().sample_customers,
                through_date=run_as_of_date(context) or SAMPLE_END_DATE,
            )
            objects = land(settings().sample_inbox_dir, loaded_at=exported_at)
        elif "files" in settings().sources:
            objects = land(settings().inbox_dir, loaded_at=run_started_at(context))
    except (FileDropError, SampleCompanyMismatch) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    landed = {found.object_name: found for found in objects}
    for name in FILE_DROP_OBJECTS:
        found = landed.get(name, Landed(name))
        notes = found.notes + (waiting_erasures(settings().landing_dir) if name == ERASURES else ())
        yield landed_files(name, {"new_rows": found.landed_row_count, NOTES: "\n".join(notes) or "none"})
