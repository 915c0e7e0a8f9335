"""What customers are called in each system: names, spellings, people, e-mail addresses, record ids.

Here: identity and its traps (spellings, typos, duplicates, shared addresses, changed domains, missing
ids). Not here: private persons (`persons`), relations (`relations`), telephones (`phones`), and the records
that carry all of it (`*_records`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from dagster_project.sample_company import places, words
from dagster_project.sample_company.persons import draw_persons
from dagster_project.sample_company.phones import phone_columns
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import (
    code_text,
    generator,
    mixed,
    mixed_index,
    mixed_uniform,
    pick,
)
from dagster_project.sample_company.relations import parent_companies
from dagster_project.sample_company.timeline import Ints

TRAPS = ("none", "duplicate_account", "duplicate_billing", "typo", "shared_email", "changed_domain")
TRAP_SHARES = (0.84, 0.04, 0.03, 0.04, 0.025, 0.025)
SYSTEMS = ("salesforce", "stripe", "zendesk", "product")
SPELLING_SHARES = {
    "salesforce": (0.80, 0.10, 0.02, 0.03, 0.05, 0.00, 0.00),
    "stripe": (0.40, 0.15, 0.10, 0.15, 0.15, 0.05, 0.00),
    "zendesk": (0.15, 0.05, 0.05, 0.45, 0.05, 0.20, 0.05),
    "product": (0.05, 0.02, 0.03, 0.50, 0.02, 0.23, 0.15),
}
"""How each system spells names: as registered, with a comma, in capitals, without legal form, with the
long legal form, in small letters, with hyphens."""
SHARED_ADDRESS_SIZE = 4
FINANCE_SLOT = 90
"""Number of the person who pays; product users are counted from 0, the main contact."""


def choose(options: tuple[str, ...], index: pl.Expr) -> pl.Expr:
    """The option at each position; null where the position is outside of them."""
    return index.cast(pl.Int64).replace_strict(
        list(range(len(options))), list(options), default=None, return_dtype=pl.String
    )


def json_text(template: str, *values: pl.Expr | str) -> pl.Expr:
    """JSON text with each `{}` of the template replaced by a value; all other braces stand for themselves."""
    literal = [part.replace("{", "{{").replace("}", "}}") for part in template.split("{}")]
    return pl.format("{}".join(literal), *values)


def _spelled(style: pl.Expr, base: pl.Expr) -> pl.Expr:
    form, long_form = pl.col("form"), pl.col("long_form")
    return (
        pl.when(style == 0).then(pl.format("{} {}", base, form))
        .when(style == 1).then(pl.format("{}, {}", base, form))
        .when(style == 2).then(pl.format("{} {}", base, form).str.to_uppercase())
        .when(style == 3).then(base)
        .when(style == 4).then(pl.format("{} {}", base, long_form))
        .when(style == 5).then(base.str.to_lowercase())
        .otherwise(base.str.replace_all(" ", "-", literal=True))
    )  # fmt: skip


@dataclass(frozen=True)
class Directory:
    """One row per customer, in the order of the population, with all that systems call it."""

    seed: int
    frame: pl.DataFrame

    def rows(self, customer: pl.Series, *columns: str) -> pl.DataFrame:
        """The given columns for each customer number, in that order, repeats allowed."""
        return self.frame.select(columns)[customer.cast(pl.UInt32)]

    def people(self, customer: pl.Series, slot: pl.Series) -> pl.DataFrame:
        """Persons by customer and number: `first_name`, `last_name`, `local_part`, `email` (first domain)."""
        who, number = customer.to_numpy().astype(np.int64), slot.to_numpy().astype(np.int64)
        company = self.rows(
            customer, "domain", "free_mail_domain", "key", "address_style", "given", "surname", "person_email"
        )
        named = company.with_columns(
            pl.Series("first", mixed_index(self.seed, "first name", len(words.FIRST_NAMES), who, number)),
            pl.Series("last", mixed_index(self.seed, "last name", len(words.LAST_NAMES), who, number)),
        ).with_columns(
            choose(words.FIRST_NAMES, pl.col("first")).alias("first_name"),
            choose(words.LAST_NAMES, pl.col("last")).alias("last_name"),
        )
        first, last = pl.col("first_name").str.to_lowercase(), pl.col("last_name").str.to_lowercase()
        is_free = pl.col("free_mail_domain").is_not_null()
        local = (
            pl.when(is_free).then(pl.format("{}.{}.{}", first, last, pl.col("key").str.slice(0, 4)))
            .when(pl.col("address_style") == 0).then(pl.format("{}.{}", first, last))
            .when(pl.col("address_style") == 1).then(pl.format("{}.{}", first.str.slice(0, 1), last))
            .otherwise(pl.format("{}{}", first, last.str.slice(0, 3)))
        )  # fmt: skip
        host = pl.coalesce("free_mail_domain", "domain")
        return named.with_columns(local.alias("local_part")).select(
            pl.coalesce("given", "first_name").alias("first_name"),
            pl.coalesce("surname", "last_name").alias("last_name"),
            "local_part",
            pl.coalesce("person_email", pl.format("{}@{}", "local_part", host)).alias("email"),
        )


def _ids(seed: int, customer: Ints) -> dict[str, pl.Series]:
    def code(purpose: str, length: int) -> list[str]:
        return code_text(mixed(seed, purpose, customer), length)

    return {
        "key": pl.Series(code("key", 10)),
        "account_id": "001" + pl.Series(code("account", 15)),
        "second_account_id": "001" + pl.Series(code("second account", 15)),
        "stripe_id": "cus_" + pl.Series(code("stripe", 14)),
        "second_stripe_id": "cus_" + pl.Series(code("second stripe", 14)),
        "workspace_id": "ws_" + pl.Series(code("workspace", 12)),
        "organization_id": pl.Series(
            360_000_000_000 + customer * 1_000 + mixed_index(seed, "organization", 1_000, customer)
        ),
    }


def build_directory(population: Population) -> Directory:
    """Name everybody; a longer simulation only appends rows."""
    seed, customer = population.seed, np.arange(population.size)
    pairs = len(words.COMPANY_FIRST) * len(words.COMPANY_SECOND)
    pair = generator(seed, "company names").permutation(pairs)[customer % pairs]
    third = (customer // pairs) % len(words.COMPANY_THIRD)
    trap = np.where(population.is_person, 0, pick(mixed_uniform(seed, "trap", customer), TRAP_SHARES))
    persons = draw_persons(population)
    household = persons["household"].to_numpy()
    parent = parent_companies(seed, population.is_person)
    shared_rank = np.cumsum(trap == TRAPS.index("shared_email")) - 1
    is_free = (population.plan == 0) & (mixed_uniform(seed, "free mail", customer) < 0.12)
    is_free &= np.isin(trap, [0, 1, 2, 3])
    free = np.where(is_free, pick(mixed_uniform(seed, "free host", customer), (0.7, 0.2, 0.1)), -1)
    numbers = pl.DataFrame(
        {
            "customer": customer,
            "first": pair // len(words.COMPANY_SECOND),
            "second": pair % len(words.COMPANY_SECOND),
            "third": third,
            "legal": mixed_index(seed, "legal form", len(words.LEGAL_FORMS), customer),
            "free": free,
            "trap_code": trap,
            "agency": np.where(trap == TRAPS.index("shared_email"), shared_rank // SHARED_ADDRESS_SIZE, -1),
            "address_style": mixed_index(seed, "address style", 3, customer),
            "place": population.place,
            "house_number": 1 + mixed_index(seed, "house", 240, household),
            "street": mixed_index(seed, "street", len(words.STREETS), household),
            "parent": np.where(persons["has_declared_parent"].to_numpy(), household, parent),
            **phone_columns(population),
            "change_day": population.join_day + 40 + mixed_index(seed, "domain change", 600, customer),
            "duplicate_day": population.join_day + 20 + mixed_index(seed, "duplicate", 300, customer),
            "typo_at": 1 + mixed_index(seed, "typo", 4, customer),
            **_ids(seed, customer),
            **{
                f"{name}_style": pick(mixed_uniform(seed, f"style {name}", customer), shares)
                for name, shares in SPELLING_SHARES.items()
            },
            **{f"{name}_chance": mixed_uniform(seed, f"chance {name}", customer) for name in SYSTEMS},
        }
    )
    named = pl.concat([_with_names(numbers), persons], how="horizontal")
    return Directory(seed, _with_person_names(_with_main_contact(seed, named)))


def _with_names(numbers: pl.DataFrame) -> pl.DataFrame:
    base = pl.concat_str(
        choose(words.COMPANY_FIRST, pl.col("first")),
        choose(words.COMPANY_SECOND, pl.col("second")),
        choose(words.COMPANY_THIRD, pl.col("third")),
        separator=" ",
    ).str.strip_chars()
    named = numbers.with_columns(
        base.alias("base"),
        choose(words.LEGAL_FORMS, pl.col("legal")).alias("form"),
        choose(words.LEGAL_FORMS_LONG, pl.col("legal")).alias("long_form"),
        choose(TRAPS, pl.col("trap_code")).alias("trap"),
        choose(words.FREE_MAIL_DOMAINS, pl.col("free")).alias("free_mail_domain"),
        pl.format("true_{}", (pl.col("customer") + 1).cast(pl.String).str.zfill(6)).alias("ref"),
    )
    squeezed = pl.col("base").str.to_lowercase().str.replace_all(" ", "", literal=True)
    at = pl.col("typo_at")
    swapped = pl.concat_str(
        pl.col("base").str.slice(0, at), pl.col("base").str.slice(at + 1, 1), pl.col("base").str.slice(at, 1),
        pl.col("base").str.slice(at + 2),
    )  # fmt: skip
    has_typo = pl.col("trap") == "typo"
    typo_in_billing = has_typo & (pl.col("customer") % 2 == 0)
    return named.with_columns(
        pl.when(pl.col("free_mail_domain").is_null()).then(pl.format("{}.example", squeezed)).alias("domain"),
        pl.when(pl.col("trap") == "changed_domain")
        .then(pl.format("{}-group.example", squeezed))
        .alias("new_domain"),
        pl.when(typo_in_billing).then(swapped).otherwise("base").alias("billing_base"),
        pl.when(has_typo & ~typo_in_billing).then(swapped).otherwise("base").alias("support_base"),
    ).with_columns(
        pl.format("{} {}", "base", "form").alias("registered_name"),
        _spelled(pl.col("salesforce_style"), pl.col("base")).alias("salesforce_name"),
        _spelled(pl.col("stripe_style"), pl.col("billing_base")).alias("stripe_name"),
        _spelled(pl.col("zendesk_style"), pl.col("support_base")).alias("zendesk_name"),
        _spelled(pl.col("product_style"), pl.col("base")).alias("product_name"),
        pl.format("{} {}", pl.col("base"), pl.col("long_form")).str.to_uppercase().alias("second_name"),
    )


def _with_main_contact(seed: int, named: pl.DataFrame) -> pl.DataFrame:
    directory = Directory(seed, named)
    main = directory.people(named["customer"], pl.zeros(named.height, dtype=pl.Int64, eager=True))
    at = pl.col("agency")
    agency = pl.format("billing@ledgerhand{}.example", at.cast(pl.String).str.zfill(3))
    billing = (
        pl.when(at >= 0)
        .then(agency)
        .when((pl.col("stripe_chance") < 0.45) & pl.col("domain").is_not_null())
        .then(pl.format("billing@{}", "domain"))
        .otherwise("main_email")
    )
    is_capital = (pl.col("stripe_chance") * 100).cast(pl.Int64) % 12 == 0
    capital = pl.concat_str(billing.str.slice(0, 1).str.to_uppercase(), billing.str.slice(1))
    return named.with_columns(main["email"].alias("main_email")).with_columns(
        pl.when(is_capital).then(capital).otherwise(billing).alias("billing_email"),
        pl.concat_str(
            pl.col("house_number").cast(pl.String), choose(words.STREETS, pl.col("street")), separator=" "
        ).alias("address_line"),
        choose(places.CITIES, pl.col("place")).alias("city"),
        choose(places.POSTAL_CODES, pl.col("place")).alias("postal_code"),
        choose(places.COUNTRIES, pl.col("place")).alias("country"),
        choose(places.TIME_ZONES, pl.col("place")).alias("time_zone"),
    )


def _with_person_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Names, addresses and traps of private persons in the columns where companies have theirs."""

    def named(system: str) -> pl.Expr:
        return pl.format("{} {}", f"{system}_given", f"{system}_surname")

    initial = pl.format("{}. {}", pl.col("given").str.slice(0, 1), "surname")
    person = {
        "base": named("stripe"),
        "registered_name": pl.lit(None, dtype=pl.String),
        "salesforce_name": named("salesforce"),
        "stripe_name": named("stripe"),
        "zendesk_name": named("zendesk"),
        "product_name": pl.format("{}'s workspace", "product_given"),
        "second_name": pl.when(pl.col("number_is_even")).then(initial).otherwise(named("zendesk")),
        "trap": pl.col("person_trap"),
        "billing_email": pl.col("person_email"),
        "domain": pl.lit(None, dtype=pl.String),
    }
    short = (
        pl.col("address_line")
        .str.replace("Street$", "St")
        .str.replace("Road$", "Rd")
        .str.replace("Lane$", "Ln")
        .str.replace("Avenue$", "Ave")
    )
    moved = pl.concat_str(
        (pl.col("house_number") % 97 + 301).cast(pl.String),
        choose(words.STREETS, (pl.col("street") + 3) % len(words.STREETS)),
        separator=" ",
    )
    is_person = pl.col("is_person")
    full = frame.with_columns(number_is_even=pl.col("customer") % 2 == 0)
    return full.with_columns(
        *(pl.when(is_person).then(value).otherwise(name).alias(name) for name, value in person.items()),
        pl.when(is_person & (pl.col("salesforce_chance") < 0.4))
        .then(short)
        .otherwise("address_line")
        .alias("salesforce_address_line"),
        moved.alias("new_address_line"),
        pl.col("use_email").fill_null(pl.col("main_email")).alias("use_email"),
    ).drop("number_is_even")
