"""Who the customer is, as assets. The rules are in `identity/`."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl

from dagster_project.contracts import silver_tables
from dagster_project.defs.resources import DATA_ENGINEERING, run_as_of_date, run_started_at
from dagster_project.defs.warehouse_io import made_from, read_warehouse, write_tables
from dagster_project.identity import resolve
from dagster_project.identity.evidence import party_spellings
from dagster_project.identity.memory import Memory, recalled, remembered
from dagster_project.identity.overrides import OverrideError, read_overrides
from dagster_project.identity.resolve import IdentityOptions, resolve_identities
from dagster_project.settings import settings
from dagster_project.source_digest import source_digest

STEP = "identities"
LIBRARIES = (
    "splink", "phonenumberslite", "publicsuffixlist", "babel", "disposable-email-domains", "duckdb", "polars",
)  # fmt: skip
TABLES = (
    "customer_identities",
    "identity_review_queue",
    "identity_shared_identifiers",
    "identity_changes",
    "household_members",
    "party_spellings",
    "identity_match_models",
    "identity_compared_records",
    "identity_compared_pairs",
)
MEMORY = ("match_models", "compared_records", "compared_pairs")
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
            dagster_type=dg.Nothing,
            description=silver_tables()[name].description,
            group_name="silver",
            owners=[DATA_ENGINEERING],
            kinds={"python", "polars"},
        )
        for name in TABLES
    },
    deps=[dg.AssetKey(["silver", "parties"])],
)
def identities(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Who is who, which pairs are in doubt, and what is new since the run before; as before when nothing is new."""
    try:
        overrides = read_overrides(settings().identity_overrides_path)
    except OverrideError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    known = settings()
    options = IdentityOptions(
        max_parties_per_identifier=known.identity_max_parties_per_identifier,
        match_probability=known.identity_match_probability,
        review_probability=known.identity_review_probability,
    )
    with read_warehouse() as connection:
        made_of = f"{_parties_digest(connection)} {_decided_by(overrides, options)}"
        is_new = made_from(connection, STEP) != made_of
    if is_new:
        detected_date = run_as_of_date(context) or run_started_at(context).date()
        write_tables(_resolved(overrides, options, detected_date), STEP, made_of)
    else:
        context.log.info("no record and no decision has changed: everybody is who they were")
    with read_warehouse() as connection:
        counts = [
            connection.execute(f"select count(*) from silver.{name}").fetchall()[0][0] for name in TABLES
        ]
    for name, count in zip(TABLES, counts, strict=True):
        yield dg.MaterializeResult(
            asset_key=["silver", name],
            metadata={"dagster/row_count": count, "resolved_anew": is_new},
        )


def _resolved(
    overrides: pl.DataFrame, options: IdentityOptions, detected_date: dt.date
) -> dict[str, pl.DataFrame]:
    """The rows of each table."""
    parties = stored("parties")
    memory = Memory(*(stored(f"identity_{name}") for name in MEMORY))
    learned = recalled(memory, _code(), detected_date)
    resolution = resolve_identities(parties, overrides, stored("customer_identities"), options, learned)
    kept = remembered(resolution.learned, learned, memory, _code(), detected_date)
    new_changes = resolution.changes.with_columns(detected_date=pl.lit(detected_date, dtype=pl.Date))
    return {
        "silver.customer_identities": resolution.identities,
        "silver.identity_review_queue": resolution.review_queue,
        "silver.identity_shared_identifiers": resolution.shared_identifiers,
        "silver.identity_changes": with_history(stored("identity_changes"), new_changes),
        "silver.household_members": resolution.household_members,
        "silver.party_spellings": party_spellings(parties),
        **{f"silver.identity_{name}": frame for name, frame in zip(MEMORY, kept, strict=True)},
    }


def _parties_digest(connection: duckdb.DuckDBPyConnection) -> str:
    """Stands for all records, in whatever order they lie."""
    found = connection.execute(
        "select count(*), bit_xor(hash(parties)), sum(hash(parties)) from silver.parties as parties"
    ).fetchall()
    return " ".join(str(value) for value in found[0])


def _decided_by(overrides: pl.DataFrame, options: IdentityOptions) -> str:
    """Stands for what else decides who is who: decisions, settings and code."""
    return hashlib.sha256(repr((overrides.rows(), options, _code())).encode()).hexdigest()[:16]


def _code() -> str:
    """Stands for the code that compares, with the libraries that it asks."""
    versions = [version(library) for library in LIBRARIES]
    code = source_digest(Path(resolve.__file__).parent)
    return hashlib.sha256(repr((versions, code)).encode()).hexdigest()[:16]
