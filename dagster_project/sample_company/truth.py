"""What is really so: who is who, true hazards, true effects.

For tests and benchmarks; the pipeline never reads it. Not here: the simulation that made it so.
"""

from pathlib import Path

import numpy as np
import polars as pl

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.directory import Directory, choose
from dagster_project.sample_company.relations import NOBODY, family_leads, parent_companies, roots
from dagster_project.sample_company.second_subscriptions import SECOND_NUMBER
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.timeline import HISTORY_START, unix_seconds

IDENTITY_OBJECTS = (
    "salesforce__accounts",
    "salesforce__contacts",
    "stripe__customers",
    "zendesk__organizations",
    "zendesk__users",
    "product__workspaces",
    "product__users",
)


def _as_date(day: str) -> pl.Expr:
    return pl.lit(HISTORY_START) + pl.duration(days=pl.col(day))


def identities(delivered: dict[str, pl.DataFrame], directory: Directory) -> pl.DataFrame:
    """One row per delivered record that stands for a customer or one of its people, and whose it truly is.

    `true_person_ref` is null for records that stand for no natural person: accounts, organizations and billing
    records of companies, and workspaces.
    """
    parts = []
    for name in IDENTITY_OBJECTS:
        rows = delivered[name].filter(pl.col("_customer").is_not_null())
        system, _, object_name = name.partition("__")
        refs = rows.select(
            pl.col(rows.columns[0]).cast(pl.String).alias("source_ref"), "_customer", "_person"
        ).unique()
        refs = refs.with_columns(
            directory.rows(refs["_customer"], "ref")["ref"].alias("true_customer_ref"),
            pl.lit(system).alias("system"),
            pl.lit(object_name).alias("object"),
        ).with_columns(true_person_ref=pl.format("{}_p{}", "true_customer_ref", "_person"))
        parts.append(refs.select("system", "object", "source_ref", "true_customer_ref", "true_person_ref"))
    return pl.concat(parts).sort(pl.all())


def hazards(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One row per subscriber and month-end: the true chance to leave, and the latent state behind it.

    `true_daily_hazard` is that of a decision to leave. `true_churn_probability_90_days` is that of any end:
    1 - (1 - voluntary)(1 - payment), where the voluntary part is what offers act on, and the other an unpaid bill.
    `true_churn_probability_90_days_with_<offer>` is the same, were the offer made on the next day.
    """
    with_offer = {
        f"with_{offer}": f"true_churn_probability_90_days_with_{offer}" for offer in catalogue.INCENTIVES[1:]
    }
    columns = (
        "customer", "day", "hazard", "probability", "voluntary", "payment", *with_offer, "engagement", "trouble",
        "has_notice", "kind",
    )  # fmt: skip
    rows = simulation.log.frame("hazard", columns)
    return rows.select(
        directory.rows(rows["customer"], "ref")["ref"].alias("true_customer_ref"),
        _as_date("day").alias("as_of_date"),
        pl.col("hazard").cast(pl.Float64).alias("true_daily_hazard"),
        pl.col("probability").cast(pl.Float64).alias("true_churn_probability_90_days"),
        pl.col("voluntary").cast(pl.Float64).alias("true_voluntary_churn_probability_90_days"),
        pl.col("payment").cast(pl.Float64).alias("true_payment_churn_probability_90_days"),
        *(pl.col(column).cast(pl.Float64).alias(name) for column, name in with_offer.items()),
        pl.col("engagement").cast(pl.Float64),
        pl.col("trouble").cast(pl.Float64),
        pl.col("has_notice").cast(pl.Boolean),
        choose(catalogue.KINDS, pl.col("kind")).alias("kind"),
    ).sort("as_of_date", "true_customer_ref")


def revenue(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One row per subscriber and month-end: monthly recurring revenue in cents of the subscriber's currency.

    It is what all running subscriptions of the customer bill per month, a year spread over twelve months,
    after coupons that recur (`forever`, and `repeating` while they last; not `once`), rounded half up to the
    cent per subscription. 0 while paused; arrears and given notice still count; trials, taxes, one-offs and
    prorations do not. A second subscription still counts while the first one is paused.
    """
    rows = simulation.log.frame("revenue", ("customer", "day", "currency", "cents", "is_paused"))
    return rows.select(
        directory.rows(rows["customer"], "ref")["ref"].alias("true_customer_ref"),
        _as_date("day").alias("month_end_date"),
        choose(catalogue.CURRENCIES, pl.col("currency")).alias("currency"),
        pl.col("cents").cast(pl.Int64).alias("mrr_cents"),
        pl.col("is_paused").cast(pl.Boolean),
    ).sort("month_end_date", "true_customer_ref")


def offer_effects() -> pl.DataFrame:
    """One row per incentive and kind of customer: the factor on the hazard of decisions to leave for 90 days.

    What ends over an unpaid bill, about 12 % of all that ends, is as without it.
    """
    kind, arm = (axis.ravel() for axis in np.indices(catalogue.VOLUNTARY_HAZARD_MULTIPLIERS.shape))
    return pl.DataFrame(
        {
            "incentive_id": [catalogue.INCENTIVES[position] for position in arm],
            "kind": [catalogue.KINDS[position] for position in kind],
            "voluntary_hazard_multiplier": catalogue.VOLUNTARY_HAZARD_MULTIPLIERS.ravel(),
        }
    ).sort("incentive_id", "kind")


def customers(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One row per customer known so far, also those that only tried.

    `plan` and `billing_interval` are the latest. `churned_date` is the end of the last subscription, null while
    one runs. `kind` is the kind of behaviour that offers act on; `customer_kind` is organization or person.
    `true_household_ref` joins the members of a family or of a group of companies, null for those in none;
    `true_parent_ref` is the parent company, or who stands for the family where the CRM declares it.
    """
    people = simulation.population
    known = people.known_on(simulation.last_day)
    # A second subscription ends before the first one, or with it.
    versions = (
        simulation.log.frame("subscription", ())
        .filter(pl.col("number") != SECOND_NUMBER)
        .sort("customer", "second", maintain_order=True)
    )
    last = versions.group_by("customer", maintain_order=True).last()
    ended = last.filter(pl.col("ended_second") >= 0).select("customer", "ended_second")
    kinds = (
        simulation.log.frame("hazard", ("customer", "kind")).group_by("customer", maintain_order=True).last()
    )
    rows = directory.frame.head(known).select("customer", "ref", "base", "trap").with_columns(
        pl.Series("household", _households(simulation, known), dtype=pl.String),
        pl.Series("parent_ref", _parents(directory, known), dtype=pl.String),
        pl.Series("is_person", people.is_person[:known]),
        pl.Series("first_plan", people.plan[:known]),
        pl.Series("first_interval", people.is_yearly[:known].astype(np.int64)),
        pl.Series("is_paying", people.is_paying[:known] & (people.join_day[:known] <= simulation.last_day)),
        pl.Series("join_day", people.join_day[:known]),
    )  # fmt: skip
    terms = last.select("customer", "plan", "interval")
    rows = rows.join(terms, on="customer", how="left", validate="1:1").with_columns(
        plan_code=pl.coalesce("plan", "first_plan"), is_yearly=pl.coalesce("interval", "first_interval")
    )
    rows = rows.join(ended, on="customer", how="left", validate="1:1").join(
        kinds.select("customer", pl.col("kind").alias("kind_code")), on="customer", how="left", validate="1:1"
    )
    ended_day = (pl.col("ended_second") - int(unix_seconds(0))) // 86_400
    joined = pl.col("join_day") <= simulation.last_day
    return (
        rows.with_columns(ended_day=ended_day)
        .select(
            pl.col("ref").alias("true_customer_ref"),
            pl.col("base").alias("name"),
            choose(catalogue.PLANS, pl.col("plan_code")).alias("plan"),
            choose(catalogue.INTERVALS, pl.col("is_yearly").cast(pl.Int64)).alias("billing_interval"),
            choose(catalogue.KINDS, pl.col("kind_code")).alias("kind"),
            pl.col("trap").alias("identity_trap"),
            "is_paying",
            pl.when(joined & pl.col("is_paying")).then(_as_date("join_day")).alias("joined_date"),
            pl.when(pl.col("is_paying")).then(_as_date("ended_day")).alias("churned_date"),
            pl.when("is_person")
            .then(pl.lit("person"))
            .otherwise(pl.lit("organization"))
            .alias("customer_kind"),
            pl.col("household").alias("true_household_ref"),
            pl.col("parent_ref").alias("true_parent_ref"),
        )
        .sort("true_customer_ref")
    )


def _households(simulation: Simulation, known: int) -> list[str | None]:
    """Family or group of companies of each known customer; None where nobody else known is in it."""
    people = simulation.population
    is_person = people.is_person[:known]
    lead = family_leads(is_person)
    top = roots(parent_companies(people.seed, is_person))
    whole = np.where(lead == NOBODY, top, lead)
    sizes = np.bincount(whole, minlength=known)[whole]
    kind = np.where(is_person, "family", "group")
    return [
        f"{name}_{first + 1:06d}" if size > 1 else None
        for name, first, size in zip(kind.tolist(), whole.tolist(), sizes.tolist(), strict=True)
    ]


def _parents(directory: Directory, known: int) -> pl.Series:
    parent = pl.col("parent")
    frame = directory.frame.head(known)
    refs = pl.format("true_{}", (parent + 1).cast(pl.String).str.zfill(6))
    return frame.select(pl.when(parent >= 0).then(refs)).to_series()


def write_truth(
    truth_dir: Path, simulation: Simulation, directory: Directory, delivered: dict[str, pl.DataFrame]
) -> None:
    """Write or replace the truth files as Parquet."""
    truth_dir.mkdir(parents=True, exist_ok=True)
    tables = {
        "identities": identities(delivered, directory),
        "hazards": hazards(simulation, directory),
        "mrr_monthly": revenue(simulation, directory),
        "offer_effects": offer_effects(),
        "customers": customers(simulation, directory),
    }
    for name, frame in tables.items():
        frame.write_parquet(truth_dir / f"{name}.parquet", compression="zstd")
