"""The dirt of real deliveries: rows delivered twice and broken rows, by a hash of day and position.

Broken rows are extra rows with ids of their own, so that losing them changes nothing. Late rows come
about in `usage`.
"""

from typing import NamedTuple

import polars as pl

from dagster_project.sample_company.randomness import mixed_index, mixed_uniform
from dagster_project.sample_company.timeline import Ints

TWICE_SHARE = 0.0006
BROKEN_SHARE = 0.0006
TWICE_WITHIN_DAYS = 3
BROKEN_ID_OFFSET = 10**15
YEAR_9999 = 253_370_764_800
NO_DATE = "not-a-date"

Breakage = tuple[str, str | int | None]

BREAKAGES: dict[str, tuple[Breakage, ...]] = {
    "salesforce__accounts": (("Name", None), ("CreatedDate", NO_DATE), ("NumberOfEmployees", -5)),
    "salesforce__contacts": (("LastName", None), ("SystemModstamp", NO_DATE)),
    "salesforce__opportunities": (("StageName", None), ("CloseDate", "9999-12-31"), ("CreatedDate", NO_DATE)),
    "salesforce__campaign_members": (("ContactId", None), ("CreatedDate", NO_DATE)),
    "stripe__customers": (("event_created", YEAR_9999), ("created", YEAR_9999)),
    "stripe__subscriptions": (
        ("status", "unknown"),
        ("start_date", YEAR_9999),
        ("customer", None),
        ("currency", "xxx"),
    ),
    "stripe__invoices": (
        ("total", None),
        ("currency", "xxx"),
        ("status", "unknown"),
        ("created", YEAR_9999),
    ),
    "stripe__invoice_lines": (("amount", None), ("type", "unknown"), ("currency", "xxx")),
    "stripe__charges": (("amount", -4_200), ("customer", None), ("currency", "xxx"), ("created", YEAR_9999)),
    "stripe__refunds": (("amount", -4_200), ("status", "unknown")),
    "zendesk__organizations": (("name", None), ("created_at", NO_DATE)),
    "zendesk__users": (("created_at", NO_DATE), ("updated_at", NO_DATE)),
    "zendesk__tickets": (("status", "unknown"), ("created_at", NO_DATE), ("requester_id", None)),
    "zendesk__ticket_events": (("type", "unknown"), ("created_at", NO_DATE), ("ticket_id", None)),
    "zendesk__satisfaction_ratings": (("score", "unknown"), ("ticket_id", None)),
    "product__workspaces": (("created_at", NO_DATE),),
    "product__users": (("workspace_id", None), ("created_at", NO_DATE)),
    "product__events": (
        ("workspace_id", None),
        ("occurred_at", NO_DATE),
        ("quantity", -1),
        ("occurred_at", "9999-01-01T00:00:00Z"),
    ),
    "marketing__touchpoints": (("outcome", "unknown"), ("email", None), ("occurred_at", NO_DATE)),
    "marketing__nps_responses": (("score", 11), ("responded_at", NO_DATE)),
    "marketing__consents": (("email", None), ("recorded_at", NO_DATE)),
    "experiments__incentive_outcomes": (("stripe_customer_id", None), ("offered_at", NO_DATE)),
}
"""For each object the fields that break and what then stands in them."""


class Delivery(NamedTuple):
    """Rows as they are, and the extra ones."""

    ordered: pl.DataFrame
    repeated: pl.DataFrame
    broken: pl.DataFrame


def with_mess(
    seed: int, name: str, frame: pl.DataFrame, breakages: tuple[Breakage, ...] | None = None
) -> Delivery:
    """Add repeated and broken rows to an object.

    Args:
        seed: Seed of the company.
        name: Object, `<system>__<object>`; the first column of the frame is its id.
        frame: All rows of some days of delivery, which are in `_day`, and `_customer`.
        breakages: Fields that break; those of `BREAKAGES` where they are not given.

    Returns:
        The rows sorted by day, and the extra ones; which they are depends on the rows of the same day only.
    """
    ordered = frame.sort("_day", maintain_order=True)
    breakages = BREAKAGES.get(name, ()) if breakages is None else breakages
    if not breakages or ordered.is_empty():
        return Delivery(ordered, ordered.clear(), ordered.clear())
    position = ordered.select(pl.int_range(pl.len()).over("_day")).to_series().to_numpy()
    day = ordered["_day"].to_numpy()
    is_twice = mixed_uniform(seed, f"twice {name}", day, position) < TWICE_SHARE
    twice_after = mixed_index(seed, f"twice after {name}", TWICE_WITHIN_DAYS, day, position)
    twice = ordered.with_columns(pl.Series("after", twice_after)).filter(pl.Series(is_twice))
    twice = twice.with_columns(_day=pl.col("_day") + pl.col("after")).drop("after")
    is_broken = mixed_uniform(seed, f"broken {name}", day, position) < BROKEN_SHARE
    which = mixed_index(seed, f"breakage {name}", len(breakages), day, position)[is_broken]
    broken = _broken(ordered.filter(pl.Series(is_broken)), breakages, which)
    return Delivery(ordered, twice, broken)


def _broken(rows: pl.DataFrame, breakages: tuple[Breakage, ...], which: Ints) -> pl.DataFrame:
    id_column = rows.columns[0]
    is_text = rows.schema[id_column] == pl.String
    own_id = pl.format("{}_broken", id_column) if is_text else pl.col(id_column) + BROKEN_ID_OFFSET
    rows = rows.with_columns(own_id.alias(id_column), pl.lit(None, dtype=pl.Int64).alias("_customer"))
    kind = pl.Series(which)
    for number, (column, value) in enumerate(breakages):
        bad = pl.lit(value, dtype=rows.schema[column])
        rows = rows.with_columns(pl.when(kind == number).then(bad).otherwise(column).alias(column))
    return rows
