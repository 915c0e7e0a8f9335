"""Private persons who pay for themselves: what each system calls them, and the traps in it.

A person has one seat, a workspace, a billing record with the name of a natural person, in part a person
account in the CRM (there with a birth date), and often a user in support without an organization.

Traps, by name in the truth: `nickname` (Robert pays, Bob uses and writes to support), `surname_typo` (a letter
is missing in one system), `swapped_names` (given name and surname in each other's field), `no_birth_date`,
`maiden_name` (the CRM still has the surname of before), `moved_house` (billing learns the new address, the CRM
does not), `duplicate_billing` and `duplicate_account` (entered twice, the second time from another address of
e-mail). Beside them: some common names belong to several persons, families live at one address, and twins
differ in the given name only. Not here: who is in whose family (`relations`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import words
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import mixed_index, mixed_uniform, pick
from dagster_project.sample_company.relations import NOBODY, family_leads, family_traits
from dagster_project.sample_company.timeline import Ints

PERSON_TRAPS = (
    "none",
    "nickname",
    "surname_typo",
    "swapped_names",
    "no_birth_date",
    "maiden_name",
    "moved_house",
    "duplicate_billing",
    "duplicate_account",
)
PERSON_TRAP_SHARES = (0.46, 0.12, 0.08, 0.06, 0.06, 0.06, 0.06, 0.05, 0.05)
NEEDS_ACCOUNT = ("swapped_names", "no_birth_date", "maiden_name", "duplicate_account")
ACCOUNT_SHARE = 0.6
COMMON_NAME_EVERY = 12
FIRST_BIRTH_YEAR, BIRTH_DAYS = 1946, 57 * 365
SECOND_ADDRESS_SHARE = 0.25
"""Persons who use the product and write to support from another e-mail address than they pay from."""


def _name_positions(population: Population, rank: Ints, lead: Ints) -> tuple[Ints, Ints]:
    """Positions of given name and surname; a family has one surname and different given names."""
    seed, customer = population.seed, np.arange(population.size)
    family = np.where(lead == NOBODY, customer, lead)
    surname = mixed_index(seed, "surname", len(words.SURNAMES), family)
    start = mixed_index(seed, "given name", len(words.GIVEN_NAMES), family)
    given = (start + (rank - rank[family]) * 7) % len(words.GIVEN_NAMES)
    is_common = (rank % COMMON_NAME_EVERY == COMMON_NAME_EVERY - 5) & (lead == NOBODY)
    common = rank // (2 * COMMON_NAME_EVERY) % len(words.COMMON_NAMES)
    given = np.where(is_common, len(words.GIVEN_NAMES) + common, given)
    surname = np.where(is_common, len(words.SURNAMES) + common, surname)
    return given, surname


def _texts(options: tuple[str, ...], position: Ints) -> pl.Series:
    return pl.Series(np.array(options)[position], dtype=pl.String)


def _misspelled(name: pl.Expr) -> pl.Expr:
    """The third letter left out."""
    return pl.concat_str(name.str.slice(0, 2), name.str.slice(3))


def draw_persons(population: Population) -> pl.DataFrame:
    """One row per customer in order of the population; all columns but the flags are null for companies.

    Returns:
        Flags `is_person`, `has_account`, `has_declared_parent`; `person_trap`; given name and surname by system
        (`salesforce_given`, `stripe_surname` ...), `birth_date` as text, the two e-mail addresses, and
        `household`, the position of who stands for the address.
    """
    seed, customer = population.seed, np.arange(population.size)
    is_person, rank = population.is_person, np.cumsum(population.is_person) - 1
    lead, traits = family_leads(is_person), family_traits(is_person)
    given, surname = _name_positions(population, rank, lead)
    trap = pick(mixed_uniform(seed, "person trap", customer), PERSON_TRAP_SHARES)
    # With a nickname two members of a family could come to have one name.
    trap = np.where((trap == PERSON_TRAPS.index("nickname")) & (lead != NOBODY), 0, trap)
    has_nickname = trap == PERSON_TRAPS.index("nickname")
    given = np.where(has_nickname, given % len(words.NICKNAMES), given)
    twin = np.where((lead != NOBODY) & traits["are_twins"], lead, customer)
    born = mixed_index(seed, "birth day", BIRTH_DAYS, twin)
    is_declared = (lead != NOBODY) & traits["is_declared"]
    needs = np.isin(trap, [PERSON_TRAPS.index(name) for name in NEEDS_ACCOUNT])
    has_account = (mixed_uniform(seed, "person account", customer) < ACCOUNT_SHARE) | needs | is_declared
    all_given = (*words.GIVEN_NAMES, *(first for first, _ in words.COMMON_NAMES))
    all_surnames = (*words.SURNAMES, *(last for _, last in words.COMMON_NAMES))
    nicknames = tuple(nick for _, nick in words.NICKNAMES)
    maiden = mixed_index(seed, "maiden name", len(words.SURNAMES), customer)
    rows = pl.DataFrame(
        {
            "is_person": is_person,
            "has_account": ~is_person | has_account,
            "has_declared_parent": is_person & is_declared & (lead != customer),
            "household": np.where(lead == NOBODY, customer, lead),
            "person_trap": _texts(PERSON_TRAPS, trap),
            "given": _texts(all_given, given),
            "nickname": _texts(nicknames, given % len(words.NICKNAMES)),
            "surname": _texts(all_surnames, surname),
            "maiden": _texts(words.SURNAMES, maiden),
            "born": pl.Series(born),
            "number": pl.Series(customer),
            "has_second_address": mixed_uniform(seed, "second address", customer) < SECOND_ADDRESS_SHARE,
            "host": _texts(words.FREE_MAIL_DOMAINS, mixed_index(seed, "person host", 3, customer)),
            "second_host": _texts(words.FREE_MAIL_DOMAINS, mixed_index(seed, "person host 2", 3, customer)),
        }
    )
    return _with_spellings(rows)


def _with_spellings(rows: pl.DataFrame) -> pl.DataFrame:
    trap, given, surname = pl.col("person_trap"), pl.col("given"), pl.col("surname")
    is_even = pl.col("number") % 2 == 0
    typo = _misspelled(surname)
    has_typo = trap == "surname_typo"
    called = pl.when(trap == "nickname").then("nickname").otherwise(given)
    has_second = pl.col("has_second_address") | trap.is_in(["nickname", "duplicate_billing"])
    first_mail = pl.format("{}.{}{}@{}", given, surname, "number", "host").str.to_lowercase()
    second_mail = pl.format(
        "{}{}{}@{}", pl.col("nickname").str.slice(0, 3), surname.str.slice(0, 4), 7_000 + pl.col("number"),
        "second_host",
    ).str.to_lowercase()  # fmt: skip
    born = (pl.date(FIRST_BIRTH_YEAR, 1, 1) + pl.duration(days=pl.col("born"))).cast(pl.String)
    swapped = trap == "swapped_names"
    own = rows.with_columns(
        stripe_given=given,
        stripe_surname=surname,
        salesforce_given=pl.when(swapped).then(surname).otherwise(given),
        salesforce_surname=pl.when(swapped)
        .then(given)
        .when(trap == "maiden_name")
        .then("maiden")
        .when(has_typo & is_even)
        .then(typo)
        .otherwise(surname),
        zendesk_given=called,
        zendesk_surname=pl.when(has_typo & ~is_even).then(typo).otherwise(surname),
        product_given=called,
        product_surname=surname,
        birth_date=pl.when(trap != "no_birth_date").then(born),
        person_email=first_mail,
        second_person_email=second_mail,
        use_email=pl.when(has_second).then(second_mail).otherwise(first_mail),
    )
    texts = [
        *(f"{system}_{part}" for system in ("stripe", "salesforce", "zendesk", "product")
          for part in ("given", "surname")),
        "person_trap", "given", "surname", "nickname", "birth_date", "person_email", "second_person_email",
        "use_email",
    ]  # fmt: skip
    flags = ["is_person", "has_account", "has_declared_parent", "household"]
    return own.select(*flags, *(pl.when("is_person").then(text).alias(text) for text in texts))
