"""The product's own database and event collector: workspaces, users and events.

Frames carry the landing columns, `_day` (day number of delivery) and `_customer` (who it truly is). Not
here: what happened (`usage`) and delivery (`delivery`).
"""

from collections.abc import Iterator

import polars as pl

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.directory import Directory
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.support_records import stamped
from dagster_project.sample_company.timeline import day_of_second, unix_seconds, zulu_text

DAYS_PER_PIECE = 15
EVENT_NAMES = tuple(f"{feature}_used" for feature in catalogue.FEATURES)


def workspaces(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One workspace per company, named by its owner; one in ten has lost the billing id."""
    people = simulation.population
    created = unix_seconds(people.first_day, people.anchor_second + 300)
    rows = directory.frame.with_columns(pl.Series("created", created), pl.Series("modified", created))
    return stamped(rows).with_columns(
        id=pl.col("workspace_id"),
        name=pl.col("product_name"),
        owner_email=pl.col("use_email"),
        time_zone=pl.col("time_zone"),
        stripe_customer_id=pl.when(pl.col("product_chance") < 0.90).then("stripe_id"),
        _customer=pl.col("customer"),
    )


def _user_ref() -> pl.Expr:
    return pl.format("u_{}{}", "key", pl.col("slot").cast(pl.String).str.zfill(2))


def users(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One row per person who was invited to a workspace."""
    rows = simulation.log.frame("user", ("customer", "slot", "second"))
    rows = rows.hstack(directory.people(rows["customer"], rows["slot"]))
    rows = rows.hstack(
        directory.rows(
            rows["customer"],
            "workspace_id",
            "key",
            "is_person",
            "product_given",
            "product_surname",
            "use_email",
        )
    )
    rows = rows.with_columns(created=pl.col("second"), modified=pl.col("second"))
    return stamped(rows).with_columns(
        id=_user_ref(),
        name=pl.format(
            "{} {}", pl.coalesce("product_given", "first_name"), pl.coalesce("product_surname", "last_name")
        ),
        email=pl.when("is_person").then("use_email").otherwise("email"),
        _customer=pl.col("customer"),
        _person=pl.col("slot"),
    )


def events(simulation: Simulation, directory: Directory) -> Iterator[pl.DataFrame]:
    """One row per user, session and feature, delivered on the day the collector got it.

    In pieces of some days each, because there are many: a piece has all rows of its days of delivery.
    """
    waiting: list[pl.DataFrame] = []
    for happened in simulation.log.frames("event", sets=DAYS_PER_PIECE):
        rows = pl.concat([*waiting, _described_events(happened, directory)])
        is_due = pl.col("_day") <= happened["day"].max()  # what comes late comes with a later piece
        yield rows.filter(is_due)
        waiting = [rows.filter(~is_due)]
    yield from waiting


def _described_events(rows: pl.DataFrame, directory: Directory) -> pl.DataFrame:
    rows = rows.hstack(directory.rows(rows["customer"], "workspace_id", "key"))
    day = (pl.col("day").cast(pl.Int64) + 1_000).cast(pl.String)
    position = pl.col("feature").cast(pl.Int64)
    numbers = list(range(len(EVENT_NAMES)))
    return rows.select(
        pl.format("evt_{}_{}", day, "sequence").alias("event_id"),
        "workspace_id",
        _user_ref().alias("user_id"),
        pl.format("s_{}_{}", day, "session").alias("session_id"),
        position.replace_strict(numbers, list(EVENT_NAMES), return_dtype=pl.String).alias("event_name"),
        position.replace_strict(numbers, list(catalogue.FEATURES), return_dtype=pl.String).alias("feature"),
        pl.col("quantity").cast(pl.Int64),
        pl.col("duration").cast(pl.Int64).alias("duration_seconds"),
        pl.col("errors").cast(pl.Int64).alias("error_count"),
        zulu_text(pl.col("occurred")).alias("occurred_at"),
        zulu_text(pl.col("received")).alias("received_at"),
        day_of_second(pl.col("received")).alias("_day"),
    )
