"""Who the customer is, as assets. The rules are in `identity/`."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from dagster_project.contracts import silver_tables
from dagster_project.defs.resources import DATA_ENGINEERING, run_as_of_date, run_started_at
from dagster_project.defs.warehouse_io import read_warehouse
from dagster_project.identity.evidence import party_spellings
from dagster_project.identity.overrides import OverrideError, read_overrides
from dagster_project.identity.resolve import IdentityOptions, resolve_identities
from dagster_project.settings import settings

TABLES = (
    "customer_identities",
    "identity_review_queue",
    "identity_shared_identifiers",
    "identity_changes",
    "household_members",
    "party_spellings",
)
CHANGE_KEY = ["detected_date", "change_kind", "customer_id_before", "customer_id_after"]
CHANGE_SCHEMA = {**dict.fromkeys(CHANGE_KEY, pl.String), "detected_date": pl.Date, "record_count": pl.Int64}


def stored(table: str) -> pl.DataFrame:
    """A silver table as the run before left it; no columns in a new warehouse."""
    with read_warehouse() as connection:
        found = connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'silver' and table_name = ?", [table]
        ).fetchall()
        return pl.DataFrame(connection.sql(f"from silver.{table}").to_arrow_table() if found else None)


def with_history(history: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """The changes of all runs; what the same day tells again replaces what it told before."""
    typed = [
        frame.select(pl.col(column).cast(dtype) for column, dtype in CHANGE_SCHEMA.items())
        for frame in (history, changes)
        if frame.columns
    ]
    return pl.concat(typed).unique(CHANGE_KEY, keep="last").sort(CHANGE_KEY)


@dg.multi_asset(
    outs={
        name: dg.AssetOut(
            key=["silver", name],
            description=silver_tables()[name].description,
            group_name="silver",
            owners=[DATA_ENGINEERING],
            kinds={"python", "polars"},
        )
        for name in TABLES
    },
    ins={"parties": dg.AssetIn(["silver", "parties"])},
)
def identities(context: dg.AssetExecutionContext, parties: pl.DataFrame) -> Iterator[dg.Output[pl.DataFrame]]:
    """Who is who, which pairs are in doubt, and what is new since the run before."""
    try:
        overrides = read_overrides(settings().identity_overrides_path)
    except OverrideError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    known = settings()
    resolution = resolve_identities(
        parties,
        overrides,
        previous=stored("customer_identities"),
        options=IdentityOptions(
            max_parties_per_identifier=known.identity_max_parties_per_identifier,
            match_probability=known.identity_match_probability,
            review_probability=known.identity_review_probability,
        ),
    )
    new_changes = resolution.changes.with_columns(
        detected_date=pl.lit(run_as_of_date(context) or run_started_at(context).date(), dtype=pl.Date)
    )
    for name, frame in {
        "customer_identities": resolution.identities,
        "identity_review_queue": resolution.review_queue,
        "identity_shared_identifiers": resolution.shared_identifiers,
        "identity_changes": with_history(stored("identity_changes"), new_changes),
        "household_members": resolution.household_members,
        "party_spellings": party_spellings(parties),
    }.items():
        yield dg.Output(frame, output_name=name)
