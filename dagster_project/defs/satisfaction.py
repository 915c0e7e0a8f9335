"""How customers feel, as assets. The methods are in `satisfaction/`."""

from importlib.metadata import version
from pathlib import Path

import dagster as dg
import polars as pl

from dagster_project.defs.resources import ANALYTICS
from dagster_project.defs.warehouse_io import read_warehouse, write_in_batches
from dagster_project.satisfaction import sentiment
from dagster_project.satisfaction.sentiment import score_ticket_sentiment
from dagster_project.source_digest import source_digest

TABLE = "silver.ticket_sentiments"
# A text that was scored by the same code is read no more.
TEXTS = """
    with texts as (
        select *, md5(concat_ws('/', '{scorer}', coalesce(subject, ''), coalesce(body, ''))) as text_digest
        from silver.ticket_texts
    )
    select
        texts.system,
        texts.ticket_ref,
        if(known.text_digest is null, texts.subject, null) as subject,
        if(known.text_digest is null, texts.body, null) as body,
        texts.text_digest,
        known.polarity,
        known.text_digest is null as is_new
    from texts
    left join {known} as known using (system, ticket_ref, text_digest)
    order by texts.system, texts.ticket_ref
"""
NOTHING_KNOWN = """(
    select '' as system, '' as ticket_ref, cast(null as double) as polarity, '' as text_digest where false
)"""


@dg.asset(
    key_prefix="silver",
    group_name="silver",
    owners=[ANALYTICS],
    kinds={"python", "polars"},
    deps=[dg.AssetKey(["silver", "ticket_texts"])],
)
def ticket_sentiments() -> dg.MaterializeResult[None]:
    """One row per ticket: the sentiment of its text, from -1 to 1."""
    scorer = f"{version('vaderSentiment')} {source_digest(Path(sentiment.__file__))}"
    with read_warehouse() as connection:
        is_known = connection.execute(
            "select count(*) from duckdb_columns() where schema_name = 'silver'"
            " and table_name = 'ticket_sentiments' and column_name = 'text_digest'"
        ).fetchall() == [(1,)]
    texts = TEXTS.format(scorer=scorer, known=TABLE if is_known else NOTHING_KNOWN)
    row_count = write_in_batches(TABLE, texts, _scored)
    return dg.MaterializeResult(metadata={"dagster/row_count": row_count})


def _scored(texts: pl.DataFrame) -> pl.DataFrame:
    """Known rows as they are, new ones with their score, in the order of the keys."""
    columns = ["system", "ticket_ref", "polarity", "text_digest"]
    new = texts.filter("is_new").drop("polarity")
    scored = new.select("system", "ticket_ref", "text_digest").join(
        score_ticket_sentiment(new), on=["system", "ticket_ref"], how="left", validate="1:1"
    )
    known = texts.filter(~pl.col("is_new")).select(columns)
    return pl.concat([known, scored.select(columns)]).sort("system", "ticket_ref")
