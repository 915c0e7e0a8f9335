"""The life of every ticket as Zendesk tells it: one row per event, in agreement with the ticket's metric set.

The first public comment of an agent is at the reply time, the last step to solved at `solved_at`, as many steps
from solved back to open as there are reopens, and a change of group when it was escalated. For those who
measure: an internal note before the reply is no reply, a first assignment to a group is no escalation, some
tickets are solved with one touch, agents act in the opening hours of their desk, and events of one second keep
their order by id. Not here: the ticket itself (`support_records`) and what made it so (`contacts`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import support_desks
from dagster_project.sample_company.business_hours import next_open
from dagster_project.sample_company.directory import Directory
from dagster_project.sample_company.randomness import mixed_uniform
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.support_records import CLOSED_AFTER, ticket_facts, user_ref
from dagster_project.sample_company.timeline import day_of_second, zulu_text

ONE_TOUCH_SHARE = 0.35
NOTE_SHARE = 0.25
HOLD_SHARE = 0.15
EVENTS_PER_TICKET = 1_000
CUSTOMER, AGENT, SECOND_AGENT, SYSTEM = range(4)
ROLES = ("end-user", "agent", "agent", "system")


def _moments(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Add who works on each ticket and the seconds of its turns."""
    ticket = facts["ticket"].to_numpy().astype(np.int64)
    chance = {name: pl.Series(mixed_uniform(seed, name, ticket)) for name in ("one touch", "note", "hold")}
    reply = pl.col("opened") + 60 * pl.col("reply_minutes")
    first_solve = pl.col("replied") + (pl.col("solved") - pl.col("replied")) // (pl.col("reopens") + 1)
    is_short = (pl.col("reopens") == 0) & ~pl.col("is_escalated")
    return facts.with_columns(
        pl.Series("agent", support_desks.first_agent(seed, ticket)),
        pl.Series("second_agent", support_desks.second_agent(seed, ticket)),
        requester=user_ref(pl.col("customer"), pl.col("slot")),
        replied=pl.min_horizontal(reply, "solved"),
    ).with_columns(
        first_solved=first_solve,
        is_one_touch=is_short & (chance["one touch"] < ONE_TOUCH_SHARE),
        has_note=chance["note"] < NOTE_SHARE,
    ).with_columns(is_held=~pl.col("is_one_touch") & (chance["hold"] < HOLD_SHARE))  # fmt: skip


def _between(start: str, end: str, tenths: int) -> pl.Expr:
    return pl.col(start) + (pl.col(end) - pl.col(start)) * tenths // 10


def _event(
    rows: pl.DataFrame,
    number: pl.Expr | int,
    second: pl.Expr,
    author: pl.Expr | int,
    kind: str,
    is_public: bool | None = None,
) -> pl.DataFrame:
    return rows.select(
        "ticket", "_customer", "desk", "requester", "agent", "second_agent",
        number=pl.lit(number) if isinstance(number, int) else number,
        second=second, author=pl.lit(author) if isinstance(author, int) else author, type=pl.lit(kind),
        field_name=pl.lit(None, dtype=pl.String), previous_value=pl.lit(None, dtype=pl.String),
        value=pl.lit(None, dtype=pl.String), public=pl.lit(is_public, dtype=pl.Boolean),
    )  # fmt: skip


def _change(
    rows: pl.DataFrame,
    number: pl.Expr | int,
    second: pl.Expr,
    author: pl.Expr | int,
    field: str,
    change: tuple[pl.Expr, pl.Expr],
) -> pl.DataFrame:
    before, after = (value.cast(pl.String) for value in change)
    return _event(rows, number, second, author, "change").with_columns(
        field_name=pl.lit(field), previous_value=before, value=after
    )


def _status(before: str, after: str) -> tuple[pl.Expr, pl.Expr]:
    return pl.lit(before), pl.lit(after)


def _nothing() -> pl.Expr:
    return pl.lit(None, dtype=pl.String)


def _opening(rows: pl.DataFrame) -> list[pl.DataFrame]:
    assigned = _between("opened", "replied", 3)
    noted = rows.filter("has_note")
    return [
        _event(rows, 0, pl.col("opened"), CUSTOMER, "create", True),
        _change(rows, 10, assigned, SYSTEM, "status", _status("new", "open")),
        _change(rows, 11, assigned, SYSTEM, "assignee_id", (_nothing(), pl.col("agent"))),
        _change(
            rows, 12, assigned, SYSTEM, "group_id", (_nothing(), pl.lit(support_desks.FIRST_LEVEL_GROUP))
        ),
        _event(noted, 15, _between("opened", "replied", 6), AGENT, "comment", False),
        _event(rows, 20, pl.col("replied"), AGENT, "comment", True),
    ]


def _middle(rows: pl.DataFrame) -> list[pl.DataFrame]:
    talked, held = rows.filter(~pl.col("is_one_touch")), rows.filter("is_held")
    handed = rows.filter("is_escalated")
    answered, escalated = _between("replied", "first_solved", 4), _between("replied", "first_solved", 5)
    groups = pl.lit(support_desks.FIRST_LEVEL_GROUP), pl.lit(support_desks.SECOND_LEVEL_GROUP)
    return [
        _change(talked, 21, pl.col("replied"), AGENT, "status", _status("open", "pending")),
        _event(talked, 30, answered, CUSTOMER, "comment", True),
        _change(talked, 31, answered, CUSTOMER, "status", _status("pending", "open")),
        _change(handed, 35, escalated, AGENT, "group_id", groups),
        _change(handed, 36, escalated, AGENT, "assignee_id", (pl.col("agent"), pl.col("second_agent"))),
        _change(held, 40, _between("replied", "first_solved", 6), AGENT, "status", _status("open", "hold")),
        _change(held, 41, _between("replied", "first_solved", 8), AGENT, "status", _status("hold", "open")),
    ]


def _ends(rows: pl.DataFrame) -> list[pl.DataFrame]:
    solver = pl.when("is_escalated").then(SECOND_AGENT).otherwise(AGENT)
    talked = rows.filter(~pl.col("is_one_touch"))
    again = rows.filter(pl.col("reopens") > 0).with_columns(
        turn=pl.int_ranges(1, pl.col("reopens") + 1)
    ).explode("turn")  # fmt: skip
    spell = pl.col("solved") - pl.col("replied")
    turns = pl.col("reopens") + 1
    again = again.with_columns(
        before=pl.col("replied") + spell * pl.col("turn") // turns,
        after=pl.col("replied") + spell * (pl.col("turn") + 1) // turns,
    )
    number = 100 + 10 * pl.col("turn")
    returned = _between("before", "after", 5)
    return [
        _event(talked, 50, pl.col("first_solved"), solver, "comment", True),
        _change(rows, 51, pl.col("first_solved"), solver, "status", _status("open", "solved")),
        _event(again, number, returned, CUSTOMER, "comment", True),
        _change(again, number + 1, returned, CUSTOMER, "status", _status("solved", "open")),
        _event(again, number + 2, pl.col("after"), solver, "comment", True),
        _change(again, number + 3, pl.col("after"), solver, "status", _status("open", "solved")),
        _change(
            rows, EVENTS_PER_TICKET - 1, pl.col("solved") + CLOSED_AFTER, SYSTEM, "status",
            _status("solved", "closed"),
        ),
    ]  # fmt: skip


def _in_opening_hours(events: pl.DataFrame) -> pl.DataFrame:
    """Agents act when their desk is open, and what follows on it follows."""
    open_second = next_open(events["desk"].to_numpy(), events["second"].to_numpy())
    is_agent = pl.col("author").is_in([AGENT, SECOND_AGENT])
    acted = events.with_columns(second=pl.when(is_agent).then(pl.Series(open_second)).otherwise("second"))
    return acted.with_columns(pl.col("second").cum_max().over("ticket"))


def ticket_events(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Every event of every ticket, delivered on the day on which it happened."""
    rows = _moments(ticket_facts(simulation, directory), directory.seed)
    parts = [*_opening(rows), *_middle(rows), *_ends(rows)]
    whole = ["ticket", "desk", "requester", "agent", "second_agent", "number", "second", "author"]
    events = pl.concat([part.with_columns(pl.col(whole).cast(pl.Int64)) for part in parts])
    author = pl.col("author")
    return _in_opening_hours(events.sort("ticket", "number")).with_columns(
        id=pl.col("ticket") * EVENTS_PER_TICKET + pl.col("number"),
        ticket_id=pl.col("ticket"),
        author_id=pl.when(author == CUSTOMER).then("requester").when(author == AGENT).then("agent")
        .when(author == SECOND_AGENT).then("second_agent"),
        author_role=author.replace_strict(list(range(len(ROLES))), list(ROLES), return_dtype=pl.String),
        created_at=zulu_text(pl.col("second")),
        _day=day_of_second(pl.col("second")),
    )  # fmt: skip
