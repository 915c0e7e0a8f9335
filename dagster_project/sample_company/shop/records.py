"""How the shop's system writes persons down: cards of the stores and accounts of the web shop, with their errors.

Some persons are in it twice, by a card and by an account that nobody has joined. Traps of those, by name in the truth:
`typo` (a letter of the surname is missing), `nickname` (Bob, from another address of e-mail), `moved` (the card has the
old street), `same` (only the reference differs). Not here: what persons do.
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import words
from dagster_project.sample_company.directory import choose
from dagster_project.sample_company.randomness import mixed_index, mixed_uniform
from dagster_project.sample_company.shop.people import ACCOUNT, BOTH, CARD, People
from dagster_project.sample_company.timeline import unix_seconds

TRAPS = ("typo", "nickname", "moved", "same")
CITIES = (("Leeds", "LS", "113"), ("Bristol", "BS", "117"))
STORES = (("Leeds Briggate", "Leeds Station"), ("Bristol Harbourside", "Bristol Park Street"))
"""Stores by city."""
OWN_NUMBERS, STRIDE = 9_000, 7_919
FIRST_BIRTH_YEAR, BIRTH_DAYS = 1944, 60 * 365


def store_of(people: People) -> pl.Series:
    """The store that each person goes to, by person."""
    home = people.household
    city = mixed_index(people.seed, "shop city", len(CITIES), home)
    store = mixed_index(people.seed, "shop store", 2, np.arange(people.size))
    names = np.array(STORES)
    return pl.Series(names[city, store])


def persons(people: People) -> pl.DataFrame:
    """One row per person, in their order: name, address, telephone, e-mail, birth date and references."""
    seed, who, home = people.seed, np.arange(people.size), people.household
    given = mixed_index(seed, "shop given", len(words.GIVEN_NAMES), home) + 7 * (who - home)
    city = mixed_index(seed, "shop city", len(CITIES), home)
    has_both = people.known_by == BOTH
    trap = np.where(has_both, mixed_index(seed, "shop trap", len(TRAPS), who), -1)
    # Who is called by a nickname is one of those who have one.
    given = np.where(
        trap == TRAPS.index("nickname"), given % len(words.NICKNAMES), given % len(words.GIVEN_NAMES)
    )
    frame = pl.DataFrame(
        {
            "customer": who,
            "given": np.array(words.GIVEN_NAMES)[given],
            "nickname": np.array([short for _, short in words.NICKNAMES])[given % len(words.NICKNAMES)],
            "surname": np.array(words.SURNAMES)[mixed_index(seed, "shop surname", len(words.SURNAMES), home)],
            "city": np.array([name for name, _, _ in CITIES])[city],
            "district": np.array([code for _, code, _ in CITIES])[city],
            "area": np.array([code for _, _, code in CITIES])[city],
            "street": np.array(words.STREETS)[mixed_index(seed, "shop street", len(words.STREETS), home)],
            "old_street": np.array(words.STREETS)[
                mixed_index(seed, "shop old street", len(words.STREETS), who)
            ],
            "house": 1 + mixed_index(seed, "shop house", 180, home),
            "old_house": 1 + mixed_index(seed, "shop old house", 180, who),
            "sector": 1 + mixed_index(seed, "shop sector", 18, home),
            "unit": mixed_index(seed, "shop unit", 9, home),
            "host": np.array(words.FREE_MAIL_DOMAINS)[mixed_index(seed, "shop host", 3, who)],
            "born": mixed_index(seed, "shop born", BIRTH_DAYS, who),
            "has_birth_date": mixed_uniform(seed, "shop has born", who) < 0.6,
            "has_phone": mixed_uniform(seed, "shop has phone", who) < 0.75,
            "block": 496 + who // OWN_NUMBERS % 4,
            "number": (who * STRIDE + 101) % OWN_NUMBERS,
            "trap": trap,
            "known_by": people.known_by,
            "join_day": people.join_day,
            "joined": unix_seconds(people.join_day, 36_000 + mixed_index(seed, "shop joined", 28_000, who)),
        }
    )
    born = pl.date(FIRST_BIRTH_YEAR, 1, 1) + pl.duration(days="born")
    return frame.with_columns(
        email=pl.format("{}.{}{}@{}", "given", "surname", "customer", "host").str.to_lowercase(),
        other_email=pl.format(
            "{}{}@{}", "nickname", pl.col("customer") + 40_000, pl.lit("outlook.com")
        ).str.to_lowercase(),
        phone=pl.format("+44 {} {} {}", "area", "block", pl.col("number").cast(pl.String).str.zfill(4)),
        national_phone=pl.format("0{} {} {}", "area", "block", pl.col("number").cast(pl.String).str.zfill(4)),
        birth_date=pl.when("has_birth_date").then(born.cast(pl.String)),
        postal_code=pl.format("{}{} {}AB", "district", "sector", "unit"),
        true_ref=pl.format("shop_{}", (pl.col("customer") + 1).cast(pl.String).str.zfill(6)),
        card_ref=pl.when(pl.col("known_by") != ACCOUNT).then(pl.format("C{}", pl.col("customer") + 100_001)),
        account_ref=pl.when(pl.col("known_by") != CARD).then(pl.format("W{}", pl.col("customer") + 500_001)),
    )  # fmt: skip


def customers(people: People, known: pl.DataFrame) -> pl.DataFrame:
    """The shop's customer file: one row per card and per account, in the layout of the file drop."""
    trap = choose(TRAPS, pl.col("trap"))
    surname = pl.col("surname")
    typo = pl.concat_str(surname.str.slice(0, 2), surname.str.slice(3))
    moved = trap == "moved"
    accounts = known.filter(pl.col("account_ref").is_not_null()).select(
        "customer",
        customer_ref="account_ref",
        name=pl.format("{} {}", pl.when(trap == "nickname").then("nickname").otherwise("given"), "surname"),
        email=pl.when(trap == "nickname").then("other_email").otherwise("email"),
        phone=pl.when("has_phone").then("phone"),
        birth_date=pl.when(trap.is_null() | (trap != "nickname")).then("birth_date"),
        street=pl.format("{} {}", "house", "street"),
        second=pl.col("joined"),
    )
    # A card has an e-mail address where its owner wants the newsletter.
    writes = pl.lit(pl.Series(people.has_consent)) | trap.is_in(["moved", "same"])
    cards = known.with_columns(writes=writes).filter(pl.col("card_ref").is_not_null()).select(
        "customer",
        customer_ref="card_ref",
        name=pl.format("{} {}", "given", pl.when(trap == "typo").then(typo).otherwise("surname")),
        email=pl.when("writes").then("email"),
        phone=pl.when("has_phone").then("national_phone"),
        birth_date="birth_date",
        street=pl.when(moved).then(pl.format("{} {}", "old_house", "old_street")).otherwise(
            pl.format("{} {}", "house", "street")
        ),
        second=pl.col("joined") - 3_000,
    )  # fmt: skip
    rows = pl.concat([cards, accounts]).sort("customer", "customer_ref")
    places = known.select("customer", "city", "postal_code")
    return rows.join(places, on="customer", validate="m:1", maintain_order="left").select(
        "customer_ref", "name", kind=pl.lit("person"), email="email", phone="phone", country=pl.lit("GB"),
        birth_date="birth_date", created_at="second", address_line="street", city="city", postal_code="postal_code",
        _customer="customer", _second="second",
    )  # fmt: skip


def reference(known: pl.DataFrame, customer: pl.Series, is_web: pl.Series) -> pl.Series:
    """The record under which something is booked: the account on the web, the card in a store, where there are both."""
    refs = known.select("card_ref", "account_ref")[customer.cast(pl.UInt32)]
    web, store = refs["account_ref"], refs["card_ref"]
    frame = pl.DataFrame({"web": web, "store": store, "is_web": is_web})
    return frame.select(
        pl.when("is_web").then(pl.coalesce("web", "store")).otherwise(pl.coalesce("store", "web"))
    ).to_series()
