"""How customers feel, as assets. The methods are in `satisfaction/`."""

import dagster as dg
import polars as pl

from dagster_project.defs.resources import ANALYTICS
from dagster_project.satisfaction.sentiment import score_ticket_sentiment


@dg.asset(
    key_prefix="silver",
    group_name="silver",
    owners=[ANALYTICS],
    kinds={"python", "polars"},
    ins={"ticket_texts": dg.AssetIn(["silver", "ticket_texts"])},
)
def ticket_sentiments(ticket_texts: pl.DataFrame) -> pl.DataFrame:
    """One row per ticket: the sentiment of its text, from -1 to 1."""
    return score_ticket_sentiment(ticket_texts)
