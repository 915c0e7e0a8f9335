"""Telephone numbers: possible ones of the customer's country, written differently by every system.

Traps: national and international notation, brackets, extensions; a family or a group of companies with one
number; and a number of an answering service that more than ten parties give. Not here: who shares with whom
(`relations`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import places
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import mixed_uniform, pick
from dagster_project.sample_company.relations import (
    NOBODY,
    answered_by_one_service,
    family_leads,
    family_traits,
    group_of_five,
)
from dagster_project.sample_company.timeline import Ints

NOTATION_SHARES = {
    "salesforce": (0.35, 0.15, 0.25, 0.10, 0.15),
    "stripe": (0.10, 0.80, 0.00, 0.05, 0.05),
    "zendesk": (0.45, 0.25, 0.10, 0.05, 0.15),
}
"""How each system writes numbers: spaced, E.164, national, with dashes or 00, with brackets."""
DIALLED_WITH_00 = ("31", "33", "41", "44", "49")
"""Country codes of Europe, where calls to abroad begin with 00."""
OWN_NUMBERS = 9_000
SERVICE_NUMBER = 9_876
STRIDE = 7_919
"""Coprime to OWN_NUMBERS: neighbours get distant numbers, and no two the same."""


def phone_owner(population: Population) -> Ints:
    """Whose number each customer gives, by position, shape (n,)."""
    is_person = population.is_person
    own = np.arange(population.size)
    lead, traits = family_leads(is_person), family_traits(is_person)
    owner = np.where((lead != NOBODY) & traits["share_phone"], lead, own)
    group = group_of_five(is_person)
    return np.where(group, np.argmax(group), owner) if group.any() else owner


def phone_columns(population: Population) -> dict[str, pl.Series]:
    """The number of each customer as each system writes it: `<system>_phone`, shape (n,)."""
    owner = phone_owner(population)
    is_served = answered_by_one_service(population.is_person)
    place = np.where(is_served, 0, population.place[owner])
    number = np.where(is_served, SERVICE_NUMBER, (owner * STRIDE + 101) % OWN_NUMBERS)
    block = np.where(is_served, 0, owner // OWN_NUMBERS % 4)
    parts = pl.DataFrame(
        {
            "code": np.array(places.CALLING_CODES)[place],
            "trunk": np.array(places.TRUNK_PREFIXES)[place],
            "area": np.array(places.AREA_CODES)[place],
            "exchange": np.array(places.EXCHANGES)[place] + block,
            "number": number,
        }
    ).with_columns(
        pl.col("exchange").cast(pl.String), pl.col("number").cast(pl.String).str.zfill(4),
        is_us=pl.col("code") == "1",
    )  # fmt: skip
    # Nobody writes a number of another country without its country code.
    country = np.array(places.COUNTRIES)
    is_foreign = country[place] != country[population.place]
    written = {}
    for system, shares in NOTATION_SHARES.items():
        chance = mixed_uniform(population.seed, f"phone notation {system}", np.arange(population.size))
        notation = np.where(is_foreign, 0, pick(chance, shares))
        written[f"{system}_phone"] = parts.select(_written(pl.lit(pl.Series(notation)))).to_series()
    return written


def _written(notation: pl.Expr) -> pl.Expr:
    code, trunk, area, exchange, number = (
        pl.col(part) for part in ("code", "trunk", "area", "exchange", "number")
    )
    us = pl.col("is_us")
    national = pl.when(us).then(pl.format("({}) {}-{}", area, exchange, number)).otherwise(
        pl.format("{}{} {} {}", trunk, area, exchange, number)
    )  # fmt: skip
    dialled = (
        pl.when(us).then(pl.format("1-{}-{}-{}", area, exchange, number))
        .when(code.is_in(DIALLED_WITH_00)).then(pl.format("00{} {} {}{}", code, area, exchange, number))
        .otherwise(pl.format("+{}-{}-{}{}", code, area, exchange, number))
    )  # fmt: skip
    bracketed = pl.when(us).then(pl.format("+{} ({}) {}-{}", code, area, exchange, number)).otherwise(
        pl.format("+{} ({}){} {}{}", code, trunk, area, exchange, number)
    )  # fmt: skip
    return (
        pl.when(notation == 0).then(pl.format("+{} {} {} {}", code, area, exchange, number))
        .when(notation == 1).then(pl.format("+{}{}{}{}", code, area, exchange, number))
        .when(notation == 2).then(national)
        .when(notation == 3).then(dialled)
        .otherwise(bracketed)
    )  # fmt: skip
