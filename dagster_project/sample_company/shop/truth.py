"""What is really so of the shop: who is who, who is still there, expected spend, elasticities, effects of offers.

For tests and benchmarks; the pipeline never reads it. Not here: what made it so.
"""

from pathlib import Path

import numpy as np
import polars as pl

from dagster_project.sample_company.directory import choose
from dagster_project.sample_company.shop import assortment, offers, records
from dagster_project.sample_company.shop.exports import Shop
from dagster_project.sample_company.shop.life import GONE, expected_rates
from dagster_project.sample_company.shop.people import LEAVING_PER_DAY
from dagster_project.sample_company.shop.rhythm import day_factors
from dagster_project.sample_company.timeline import HISTORY_START, Floats, Ints

LEVELS = ("gone", "low", "middle", "high")
HORIZONS_DAYS = (90, 365)


def _as_date(day: str) -> pl.Expr:
    return pl.lit(HISTORY_START) + pl.duration(days=pl.col(day))


def identities(shop: Shop, customer_rows: pl.DataFrame) -> pl.DataFrame:
    """One row per delivered record of the customer file, and the person it truly is."""
    refs = shop.known.select("true_ref")[customer_rows["_customer"].cast(pl.UInt32)]["true_ref"]
    return customer_rows.select(
        system=pl.lit("files"),
        object=pl.lit("customers"),
        source_ref="customer_ref",
        true_customer_ref=pl.lit(refs),
        true_person_ref=pl.lit(refs),
    ).sort(pl.all())


def customer_months(shop: Shop) -> pl.DataFrame:
    """One row per person and month-end: is it still a customer, and what is it expected to spend.

    Expected spend is net: orders placed in the next 90 or 365 days less what of them comes back, given the person's
    level of interest at the month-end, its classes, tastes and the prices to come. It leaves offers out, those that
    stand and those to come: of persons outside of the panel (`is_in_panel`) it is exact.
    """
    people, state = shop.life.people, shop.life.log.frame("state", ("customer", "day", "level"))
    rates = expected_rates()
    parts = []
    for (day,), rows in state.partition_by("day", as_dict=True, maintain_order=True).items():
        who, level = rows["customer"].to_numpy(), rows["level"].to_numpy()
        spend = {
            f"expected_spend_{days}_days_amount": _expected_spend(shop, rates, who, level, int(day), days)
            for days in HORIZONS_DAYS
        }
        parts.append(rows.with_columns(**{name: pl.Series(values) for name, values in spend.items()}))
    rows = pl.concat(parts) if parts else state.with_columns(
        **{f"expected_spend_{days}_days_amount": pl.lit(0.0) for days in HORIZONS_DAYS}
    )  # fmt: skip
    person = rows["customer"].cast(pl.UInt32)
    return rows.select(
        shop.known.select("true_ref")[person]["true_ref"].alias("true_customer_ref"),
        _as_date("day").alias("as_of_date"),
        (pl.col("level") != GONE).alias("is_alive"),
        choose(LEVELS, pl.col("level")).alias("interest"),
        pl.Series("is_in_panel", people.is_in_panel[person.to_numpy()]),
        *[f"expected_spend_{days}_days_amount" for days in HORIZONS_DAYS],
    ).sort("as_of_date", "true_customer_ref")


def _expected_spend(shop: Shop, rates: Floats, who: Ints, level: Ints, day: int, days: int) -> Floats:
    """Baskets to come x what a basket brings, summed over days, channels and categories, shape (n,)."""
    people = shop.life.people
    ahead = np.arange(day + 1, day + 1 + days)
    # Taste is linear in what a basket brings, and the channel in how many there are: one table serves everybody.
    brings = (
        day_factors(ahead)[:, :, None] * assortment.expected_net_cents(people.seed, ahead)[:, None, :] / 100
    )
    table = np.einsum("abld,dhc->ablhc", rates[..., :days], brings)
    own = table[people.leaving_class[who], people.return_class[who], level]
    channel = np.stack([1 - people.web_share[who], people.web_share[who]], axis=1)
    return np.asarray(people.base_rate[who] * np.einsum("nhc,nh,nc->n", own, channel, people.taste[who]))


def interest(shop: Shop) -> pl.DataFrame:
    """One row per person and stretch of one level of interest; `ended_date` is null of the one that goes on."""
    rows = shop.life.log.frame("spell", ("customer", "day", "level")).sort("customer", "day")
    rows = rows.with_columns(end=pl.col("day").shift(-1).over("customer"))
    refs = shop.known.select("true_ref")[rows["customer"].cast(pl.UInt32)]["true_ref"]
    return rows.select(
        refs.alias("true_customer_ref"),
        _as_date("day").alias("started_date"),
        _as_date("end").alias("ended_date"),
        choose(LEVELS, pl.col("level")).alias("interest"),
        (pl.col("level") != GONE).alias("is_alive"),
    )


def customers(shop: Shop) -> pl.DataFrame:
    """One row per person."""
    people = shop.life.people
    size = np.bincount(people.household, minlength=people.size)[people.household]
    household = [f"family_{first + 1:06d}" if many > 1 else None
                 for first, many in zip(people.household.tolist(), size.tolist(), strict=True)]  # fmt: skip
    return shop.known.select(
        pl.col("true_ref").alias("true_customer_ref"),
        pl.format("{} {}", "given", "surname").alias("name"),
        choose(records.TRAPS, pl.col("trap")).alias("identity_trap"),
        _as_date("join_day").alias("joined_date"),
        pl.Series("true_household_ref", household, dtype=pl.String),
        pl.Series("base_daily_baskets", people.base_rate),
        pl.Series("web_share", people.web_share),
        pl.Series("leaving_per_day_probability", LEAVING_PER_DAY[people.leaving_class]),
        pl.Series("is_in_panel", people.is_in_panel),
        pl.Series("is_member", people.is_member),
    ).sort("true_customer_ref")


def elasticities() -> pl.DataFrame:
    """One row per category: per cent of pieces per per cent of price."""
    return pl.DataFrame({"category": assortment.CATEGORIES, "price_elasticity": assortment.ELASTICITIES})


def offer_effects() -> pl.DataFrame:
    """One row per offer and kind of customer: factor on the rate of shopping for 60 days."""
    kind, arm = (axis.ravel() for axis in np.indices(offers.RATE_MULTIPLIERS.shape))
    return pl.DataFrame(
        {
            "incentive_id": [offers.OFFERS[position] for position in arm],
            "kind": [offers.KINDS[position] for position in kind],
            "propensity": [offers.PROPENSITIES[position] for position in arm],
            "purchase_rate_multiplier": offers.RATE_MULTIPLIERS.ravel(),
        }
    ).sort("incentive_id", "kind")


def write_truth(truth_dir: Path, shop: Shop, customer_rows: pl.DataFrame) -> None:
    """Write or replace the truth files as Parquet."""
    truth_dir.mkdir(parents=True, exist_ok=True)
    tables = {
        "identities": identities(shop, customer_rows),
        "customers": customers(shop),
        "customer_months": customer_months(shop),
        "interest": interest(shop),
        "elasticities": elasticities(),
        "offer_effects": offer_effects(),
    }
    for name, frame in tables.items():
        frame.write_parquet(truth_dir / f"{name}.parquet", compression="zstd")
