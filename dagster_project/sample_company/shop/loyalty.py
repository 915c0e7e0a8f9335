"""The loyalty programme: a point per unit of money, gifts for points, points that expire, and tiers.

Points buy gifts and no discount, so that no order is cheaper for them. Not here: orders (`baskets`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company.randomness import mixed_index, mixed_uniform
from dagster_project.sample_company.shop.people import People
from dagster_project.sample_company.shop.rhythm import quarter_starts
from dagster_project.sample_company.timeline import Ints, unix_seconds

GIFT_POINTS = 200
GIFT_SHARE = 0.35
"""Chance to take a gift at an order when there are points enough."""
EXPIRES_AFTER_DAYS = 270
"""Days without an order after which all points are gone."""
TIERS = ("basic", "silver", "gold")
TIER_FROM_POINTS = np.array([150, 450])
"""Points earned in the year before a quarter from which the second and the third tier begin."""
TIER_DAYS = 365
SECONDS_PER_DAY = 86_400


def loyalty_events(people: People, orders: pl.DataFrame, last_day: int) -> pl.DataFrame:
    """One row per event: `customer`, `second`, `kind`, `points` (null of a tier), `tier` (null but of a tier).

    Args:
        people: Who they are.
        orders: Sound orders with `customer`, `day`, `second`, `total_cents`, `returned_cents`, `return_day`.
        last_day: Last simulated day number.
    """
    is_member = pl.Series(people.is_member).gather(orders["customer"].cast(pl.UInt32))
    own = orders.filter(is_member)
    accounts = pl.concat([_account_events(people, own, last_day), _tier_events(people, own, last_day)])
    return accounts.filter(pl.col("second") < int(unix_seconds(last_day + 1))).sort(
        "second", "customer", "kind", maintain_order=True
    )


def _account_events(people: People, orders: pl.DataFrame, last_day: int) -> pl.DataFrame:
    """Walk through all accounts at once, the first movement of each, then the second, and so on."""
    bought = orders.select("customer", "second", points=pl.col("total_cents") // 100, day="day")
    taken_back = orders.filter(pl.col("returned_cents") > 0).select(
        "customer",
        second=pl.lit(
            pl.Series(
                unix_seconds(orders.filter(pl.col("returned_cents") > 0)["return_day"].to_numpy(), 50_000)
            )
        ),
        points=-(pl.col("returned_cents") // 100),
        day=pl.col("return_day").cast(pl.Int64),
    )
    moves = pl.concat(
        [part.with_columns(pl.all().cast(pl.Int64)) for part in (bought, taken_back)]
    ).filter(pl.col("day") <= last_day, pl.col("points") != 0).sort("customer", "second")  # fmt: skip
    moves = moves.with_columns(
        rank=pl.int_range(pl.len()).over("customer"),
        next_day=pl.col("day").shift(-1).over("customer").fill_null(last_day + 1),
    )
    balance = np.zeros(people.size, dtype=np.int64)
    parts = [
        part
        for _, group in moves.partition_by("rank", as_dict=True, maintain_order=True).items()
        for part in _one_move_each(people.seed, group, balance)
    ]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=_SCHEMA)
    return rows.with_columns(tier=pl.lit(None, dtype=pl.String))


_SCHEMA = {"customer": pl.Int64, "second": pl.Int64, "kind": pl.String, "points": pl.Int64}


def _one_move_each(seed: int, moves: pl.DataFrame, balance: Ints) -> list[pl.DataFrame]:
    """Book a movement per account; points are never taken below 0."""
    who, second = moves["customer"].to_numpy(), moves["second"].to_numpy()
    points = np.maximum(moves["points"].to_numpy(), -balance[who])
    balance[who] += points
    takes = (
        (points > 0)
        & (balance[who] >= GIFT_POINTS)
        & (mixed_uniform(seed, "shop gift", who, second) < GIFT_SHARE)
    )
    gift = np.where(takes, balance[who] // GIFT_POINTS * GIFT_POINTS, 0)
    balance[who] -= gift
    expires = (moves["next_day"].to_numpy() - moves["day"].to_numpy() > EXPIRES_AFTER_DAYS) & (
        balance[who] > 0
    )
    expired = np.where(expires, balance[who], 0)
    balance[who] -= expired
    at_expiry = unix_seconds(moves["day"].to_numpy() + EXPIRES_AFTER_DAYS, 3_600)
    return [
        _events(who, second + 5, "earn", points),
        _events(who, second + 65, "redeem", gift),
        _events(who, at_expiry, "expire", expired),
    ]


def _events(who: Ints, second: Ints, kind: str, points: Ints) -> pl.DataFrame:
    frame = pl.DataFrame({"customer": who, "second": second, "points": points}, schema_overrides=_SCHEMA)
    return frame.filter(pl.col("points") != 0).select(
        "customer", "second", kind=pl.lit(kind), points="points"
    )


def _tier_events(people: People, orders: pl.DataFrame, last_day: int) -> pl.DataFrame:
    """The first tier with the card, then a change wherever the points of the year before a quarter ask for another."""
    member = np.flatnonzero(people.is_member)
    first_day = np.maximum(people.join_day, 0)
    tier = np.zeros(people.size, dtype=np.int64)
    rows = [(member, unix_seconds(first_day[member], 30_000), np.zeros(len(member), dtype=np.int64))]
    day, customer = orders["day"].to_numpy(), orders["customer"].to_numpy().astype(np.int64)
    points = (orders["total_cents"] // 100).to_numpy()
    for start in quarter_starts(last_day)[1:]:
        recent = (day < start) & (day >= start - TIER_DAYS)
        earned = np.bincount(customer[recent], weights=points[recent], minlength=people.size)
        now = np.where(people.is_member, np.searchsorted(TIER_FROM_POINTS, earned, side="right"), 0)
        changed = np.flatnonzero((now != tier) & (first_day < start))
        tier[changed] = now[changed]
        minute = mixed_index(people.seed, "shop tier", 60, changed, np.full_like(changed, start))
        rows.append((changed, unix_seconds(np.full_like(changed, start), 7_200 + 60 * minute), now[changed]))
    who, second, level = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return pl.DataFrame(
        {"customer": who, "second": second, "tier": [TIERS[position] for position in level.tolist()]}
    ).select("customer", "second", kind=pl.lit("tier"), points=pl.lit(None, dtype=pl.Int64), tier="tier")
