"""Zendesk: organizations, users, tickets and satisfaction ratings, one row per version.

Frames carry the landing columns, `_day` (day number of delivery) and `_customer` (who it truly is). Not
here: what happened (`contacts`), the words (`phrases`) and delivery (`delivery`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import phrases
from dagster_project.sample_company.directory import Directory, choose, json_text
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.support_desks import agents, first_agent, schedule_refs, second_agent
from dagster_project.sample_company.timeline import day_of_second, unix_seconds, zulu_text

ISSUE_TYPES = ("question", "incident", "problem", "task")
PRIORITIES = ("low", "normal", "high", "urgent")
CHANNELS = ("email", "web", "chat", "phone")
FIRST_TICKET_ID = 5_000_000_000
USERS_PER_ORGANIZATION = 3
CLOSED_AFTER = 4 * 86_400


def stamped(frame: pl.DataFrame, created: str = "created", modified: str = "modified") -> pl.DataFrame:
    """Add `created_at`, `updated_at` and the day of delivery from two columns of unix seconds."""
    return frame.with_columns(
        zulu_text(pl.col(created)).alias("created_at"),
        zulu_text(pl.col(modified)).alias("updated_at"),
        day_of_second(pl.col(modified)).alias("_day"),
    )


def organizations(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One organization per company; some without the CRM's id, those on free mail without a domain."""
    people = simulation.population
    created = unix_seconds(people.first_day, people.anchor_second + 1_200)
    rows = directory.frame.with_columns(pl.Series("created", created), pl.Series("modified", created)).filter(
        ~pl.col("is_person")
    )
    return stamped(rows).with_columns(
        id=pl.col("organization_id"),
        name=pl.col("zendesk_name"),
        domain_names=pl.when(pl.col("domain").is_null())
        .then(pl.lit("[]"))
        .otherwise(json_text('["{}"]', "domain")),
        external_id=pl.when(pl.col("zendesk_chance") < 0.80).then("account_id"),
        _customer=pl.col("customer"),
    )


def user_ref(customer: pl.Expr, slot: pl.Expr) -> pl.Expr:
    """Zendesk id of the n-th user of a company."""
    return 370_000_000_000 + customer.cast(pl.Int64) * 10 + slot.cast(pl.Int64)


def users(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Up to three people per company, the first product users; a few stand outside of their organization."""
    columns = ("customer", "slot", "second")
    rows = simulation.log.frame("user", columns).filter(pl.col("slot") < USERS_PER_ORGANIZATION)
    rows = rows.hstack(directory.people(rows["customer"], rows["slot"]))
    rows = rows.hstack(
        directory.rows(
            rows["customer"], "organization_id", "zendesk_phone", "zendesk_chance", "time_zone", "is_person",
            "zendesk_name", "use_email",
        )
    )  # fmt: skip
    rows = rows.filter(pl.Series(simulation.population.opens_tickets)[rows["customer"].cast(pl.UInt32)])
    rows = rows.with_columns(created=pl.col("second") + 1_800, modified=pl.col("second") + 1_800)
    users = rows.with_columns(
        id=user_ref(pl.col("customer"), pl.col("slot")),
        organization_id=pl.when(
            (pl.col("zendesk_chance") * 1_000).cast(pl.Int64) % 12 > 0, ~pl.col("is_person")
        ).then("organization_id"),
        name=pl.when("is_person")
        .then("zendesk_name")
        .otherwise(pl.format("{} {}", "first_name", "last_name")),
        email=pl.when("is_person").then("use_email").otherwise("email"),
        phone=pl.when(pl.col("slot") == 0).then("zendesk_phone"),
        _person=pl.col("slot"),
        role=pl.lit("end-user"),
        iana_time_zone=pl.col("time_zone"),
        _customer=pl.col("customer").cast(pl.Int64),
    )
    return stamped(pl.concat([users, agents()], how="diagonal_relaxed"))


def ticket_facts(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One row per ticket with all that will become of it."""
    columns = (
        "customer",
        "day",
        "sequence",
        "slot",
        "tone",
        "issue",
        "urgency",
        "channel",
        "has_organization",
        "text",
        "opened",
        "desk",
        "reply_minutes",
        "solve_minutes",
        "reopens",
        "is_escalated",
        "is_asked",
        "answers",
        "is_good",
        "answer_minutes",
    )
    rows = simulation.log.frame("ticket", columns)
    flags = ["has_organization", "is_escalated", "is_asked", "answers", "is_good"]
    return rows.hstack(directory.rows(rows["customer"], "organization_id", "is_person")).with_columns(
        pl.col(flags).cast(pl.Boolean),
        ticket=FIRST_TICKET_ID + pl.col("day").cast(pl.Int64) * 100_000 + pl.col("sequence"),
        solved=pl.col("opened") + pl.col("solve_minutes") * 60,
        _customer=pl.col("customer"),
    )


def _metric_set(is_known: bool) -> pl.Expr:
    if not is_known:
        return pl.lit(
            '{"reply_time_in_minutes":{"calendar":null},"reopens":0,"escalated":false,"solved_at":null}'
        )
    return json_text(
        '{"reply_time_in_minutes":{"calendar":{}},"reopens":{},"escalated":{},"solved_at":"{}"}',
        "reply_minutes",
        "reopens",
        pl.when("is_escalated").then(pl.lit("true")).otherwise(pl.lit("false")),
        zulu_text(pl.col("solved")),
    )


def tickets(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Each ticket as new, as solved with its times, and as closed four days later."""
    facts = ticket_facts(simulation, directory).with_columns(created=pl.col("opened"))
    ticket = facts["ticket"].to_numpy().astype(np.int64)
    place = simulation.population.place[facts["customer"].to_numpy().astype(np.int64)]
    facts = facts.with_columns(
        schedule_refs(place).alias("schedule_id"),
        pl.when("is_escalated")
        .then(pl.Series(second_agent(directory.seed, ticket)))
        .otherwise(pl.Series(first_agent(directory.seed, ticket)))
        .alias("solver"),
        assignee_id=pl.lit(None, dtype=pl.Int64),
    )
    new = facts.with_columns(modified=pl.col("opened"), status=pl.lit("new"), metric_set=_metric_set(False))
    solved = facts.with_columns(
        modified=pl.col("solved"),
        status=pl.lit("solved"),
        metric_set=_metric_set(True),
        assignee_id=pl.col("solver"),
    )
    closed = solved.with_columns(modified=pl.col("solved") + CLOSED_AFTER, status=pl.lit("closed"))
    return stamped(pl.concat([new, solved, closed])).with_columns(
        id=pl.col("ticket"),
        organization_id=pl.when("has_organization", ~pl.col("is_person")).then("organization_id"),
        requester_id=user_ref(pl.col("customer"), pl.col("slot")),
        subject=phrases.ticket_subject(pl.col("tone"), pl.col("text")),
        description=phrases.ticket_body(pl.col("tone"), pl.col("text")),
        type=choose(ISSUE_TYPES, pl.col("issue")),
        priority=choose(PRIORITIES, pl.col("urgency")),
        via=json_text('{"channel":"{}"}', choose(CHANNELS, pl.col("channel"))),
    )


def satisfaction_ratings(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Asked after the solution; most answer within two days, good or bad."""
    facts = (
        ticket_facts(simulation, directory).filter("is_asked").with_columns(created=pl.col("solved") + 3_600)
    )
    no_comment = pl.lit(None, dtype=pl.String)
    offered = facts.with_columns(modified=pl.col("created"), score=pl.lit("offered"), comment=no_comment)
    good = pl.col("is_good")
    words = pl.when(good).then(phrases.one_of(phrases.GOOD_COMMENTS, pl.col("text"))).otherwise(
        phrases.one_of(phrases.BAD_COMMENTS, pl.col("text"))
    )  # fmt: skip
    answered = facts.filter("answers").with_columns(
        modified=pl.col("created") + pl.col("answer_minutes") * 60,
        score=pl.when(good).then(pl.lit("good")).otherwise(pl.lit("bad")),
        comment=pl.when(pl.col("text") % 5 < 2).then(words),
    )
    return stamped(pl.concat([offered, answered])).with_columns(
        id=pl.col("ticket") * 10 + 1, ticket_id=pl.col("ticket")
    )
