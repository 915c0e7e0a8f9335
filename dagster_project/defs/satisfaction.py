"""How customers feel, as assets. The methods are in `satisfaction/`."""

import dagster as dg

from dagster_project.defs.resources import ANALYTICS
from dagster_project.defs.warehouse_io import write_in_batches
from dagster_project.satisfaction.sentiment import score_ticket_sentiment


@dg.asset(
    key_prefix="silver",
    group_name="silver",
    owners=[ANALYTICS],
    kinds={"python", "polars"},
    deps=[dg.AssetKey(["silver", "ticket_texts"])],
)
def ticket_sentiments() -> dg.MaterializeResult[None]:
    """One row per ticket: the sentiment of its text, from -1 to 1."""
    texts = "select system, ticket_ref, subject, body from silver.ticket_texts order by system, ticket_ref"
    row_count = write_in_batches("silver.ticket_sentiments", texts, score_ticket_sentiment)
    return dg.MaterializeResult(metadata={"dagster/row_count": row_count})
