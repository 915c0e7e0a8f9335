"""What is in a basket, and what of it comes back.

Pieces of each product are Poisson around taste x price effect; a basket without a piece is none. Not here: who shops.
"""

import numpy as np
import polars as pl

from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.randomness import mixed_index, mixed_uniform
from dagster_project.sample_company.shop.assortment import (
    CATEGORY_OF,
    PRODUCTS,
    RETURN_SHARES,
    expected_pieces,
    price_cents,
)
from dagster_project.sample_company.shop.people import People
from dagster_project.sample_company.timeline import Bools, Floats, Ints

FIRST_RETURN_DAYS, RETURN_DAYS = 2, 18
MOST_PIECES = 12


def draw_lines(people: People, log: EventLog, day: int, who: Ints, is_web: Bools) -> None:
    """Log the baskets of some persons on a day, `basket` and `line`."""
    if not who.size:
        return
    cents = price_cents(people.seed, np.array([day]))
    mean = people.taste[who][:, CATEGORY_OF] * expected_pieces(cents)
    customer, product = np.broadcast_arrays(who[:, None], np.arange(len(PRODUCTS))[None, :])
    pieces = _poisson(
        mean, mixed_uniform(people.seed, "shop pieces", customer, np.full_like(customer, day), product)
    )
    buys = pieces.sum(axis=1) > 0
    log.add("basket", int(buys.sum()), customer=who[buys], day=day, is_web=is_web[buys])
    row, column = np.nonzero(pieces)
    back = mixed_uniform(people.seed, "shop return", who[row], np.full_like(row, day), column)
    log.add(
        "line",
        len(row),
        customer=who[row],
        day=day,
        product=column,
        pieces=pieces[row, column],
        cents=cents[0, column],
        comes_back=back < RETURN_SHARES[CATEGORY_OF[column]],
    )


def _poisson(mean: Floats, draw: Floats) -> Ints:
    """Poisson numbers by inversion, so that each depends on its own draw alone."""
    term = np.exp(-mean)
    below, count = term.copy(), np.zeros(mean.shape, dtype=np.int64)
    for number in range(1, MOST_PIECES + 1):
        count += draw >= below
        term = term * mean / number
        below += term
    return count


def return_day(seed: int, customer: Ints, day: Ints) -> Ints:
    """The day on which what comes back of a basket does so."""
    return np.asarray(
        day + FIRST_RETURN_DAYS + mixed_index(seed, "shop return day", RETURN_DAYS, customer, day)
    )


def orders(seed: int, log: EventLog) -> pl.DataFrame:
    """One row per basket, in order of time: person, day, channel, cents, and those of what comes back and when."""
    columns = ("customer", "day", "product", "pieces", "cents", "comes_back")
    value = pl.col("pieces") * pl.col("cents")
    sums = log.frame("line", columns).group_by("customer", "day").agg(
        total_cents=value.sum(), returned_cents=value.filter(pl.col("comes_back").cast(pl.Boolean)).sum()
    )  # fmt: skip
    baskets = log.frame("basket", ("customer", "day", "is_web")).join(
        sums, on=["customer", "day"], how="left", validate="1:1", maintain_order="left"
    )
    back = return_day(seed, baskets["customer"].to_numpy(), baskets["day"].to_numpy())
    return baskets.with_columns(pl.Series("return_day", back), is_web=pl.col("is_web").cast(pl.Boolean))
