"""The support desks of the company: their business hours, holidays, groups and agents, as Zendesk delivers them.

Agents stand among the users with a role of their own: they are nobody's customers. Not here: which hours those are
(`business_hours`) and what the desks do (`ticket_events`).
"""

import json

import numpy as np
import polars as pl

from dagster_project.sample_company.business_hours import (
    HOLIDAY_YEARS,
    HOLIDAYS,
    MOVABLE_HOLIDAYS,
    SCHEDULES,
)
from dagster_project.sample_company.directory import Directory
from dagster_project.sample_company.places import DESKS
from dagster_project.sample_company.randomness import mixed_index
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.timeline import Ints, unix_seconds, zulu_text

FIRST_SCHEDULE_ID = 42_000_001
BEFORE_HISTORY = int(unix_seconds(-1_190))
MINUTES_PER_DAY = 1_440
FIRST_AGENT_ID = 390_000_000_001
FIRST_LEVEL_GROUP, SECOND_LEVEL_GROUP = 25_001, 25_002
FIRST_LEVEL_AGENTS = 6
AGENTS = (
    "Ines Calder",
    "Milo Brandt",
    "Priya Holm",
    "Theo Lark",
    "Nadia Voss",
    "Ravi Stern",
    "Olga Finch",
    "Hugo Reed",
)
"""Support agents; those after the first six are the second level."""


def schedules(_simulation: Simulation, _directory: Directory) -> pl.DataFrame:
    """The three schedules; intervals are minutes since Sunday 00:00 of their own time zone."""
    created = pl.lit(BEFORE_HISTORY) + 60 * pl.int_range(pl.len())
    intervals = [
        json.dumps(
            [
                {
                    "start_time": weekday * MINUTES_PER_DAY + 60 * opens,
                    "end_time": weekday * MINUTES_PER_DAY + 60 * closes,
                }
                for weekday, (opens, closes) in sorted(hours.items())
            ]
        )
        for _, _, hours in SCHEDULES
    ]
    return pl.DataFrame(
        {
            "id": [FIRST_SCHEDULE_ID + position for position in range(len(SCHEDULES))],
            "name": [name for name, _, _ in SCHEDULES],
            "time_zone": [zone for _, zone, _ in SCHEDULES],
            "intervals": intervals,
        }
    ).with_columns(created_at=zulu_text(created), updated_at=zulu_text(created), _day=pl.lit(0))


def holidays(_simulation: Simulation, _directory: Directory) -> pl.DataFrame:
    """Holidays of every desk and year, some of several days."""
    days = [
        (desk, name, first.format(year), last.format(year))
        for year in HOLIDAY_YEARS
        for desk, name, first, last in HOLIDAYS
    ] + list(MOVABLE_HOLIDAYS)
    rows = pl.DataFrame(days, schema=["desk", "name", "start_date", "end_date"], orient="row")
    return rows.with_columns(
        id=43_000_001 + pl.int_range(pl.len()),
        schedule_id=FIRST_SCHEDULE_ID + pl.col("desk"),
        updated_at=zulu_text(pl.lit(BEFORE_HISTORY + 600)),
        _day=pl.lit(0),
    )


def schedule_refs(place: Ints) -> pl.Series:
    """Zendesk schedule of customers by their place."""
    return pl.Series(FIRST_SCHEDULE_ID + np.array(DESKS)[place], dtype=pl.Int64)


def agents() -> pl.DataFrame:
    """The agents as Zendesk users; nobody's customers."""
    first_names = [name.split()[0].lower() for name in AGENTS]
    return pl.DataFrame(
        {
            "id": [FIRST_AGENT_ID + position for position in range(len(AGENTS))],
            "name": AGENTS,
            "email": [f"{name}@helpdesk.example" for name in first_names],
        }
    ).with_columns(
        organization_id=pl.lit(None, dtype=pl.Int64),
        phone=pl.lit(None, dtype=pl.String),
        role=pl.lit("agent"),
        iana_time_zone=pl.lit(SCHEDULES[0][1]),
        created=pl.lit(BEFORE_HISTORY),
        modified=pl.lit(BEFORE_HISTORY),
        _customer=pl.lit(None, dtype=pl.Int64),
    )


def first_agent(seed: int, ticket: Ints) -> Ints:
    """Zendesk id of the first-level agent of a ticket."""
    return FIRST_AGENT_ID + mixed_index(seed, "agent", FIRST_LEVEL_AGENTS, ticket)


def second_agent(seed: int, ticket: Ints) -> Ints:
    """Zendesk id of the second-level agent who takes a ticket when it is escalated."""
    second = len(AGENTS) - FIRST_LEVEL_AGENTS
    return FIRST_AGENT_ID + FIRST_LEVEL_AGENTS + mixed_index(seed, "second agent", second, ticket)
