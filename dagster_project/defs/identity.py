"""Who the customer is, as an asset. The rules are in `identity/`."""

import dagster as dg
import polars as pl

from dagster_project.defs.resources import DATA_ENGINEERING
from dagster_project.identity.resolve import resolve_identities


@dg.asset(
    key_prefix="silver",
    group_name="silver",
    owners=[DATA_ENGINEERING],
    kinds={"python", "polars"},
    ins={"parties": dg.AssetIn(["silver", "parties"])},
)
def customer_identities(parties: pl.DataFrame) -> pl.DataFrame:
    """One row per source record: the customer it belongs to and how that is known."""
    return resolve_identities(parties)
