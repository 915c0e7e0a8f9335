"""The marketing tool and the experiment platform: touchpoints, survey answers, consents, incentive outcomes.

Frames carry the landing columns, `_day` (day number of delivery) and `_customer` (who it truly is). Not
here: what happened (`contacts`, `offers`) and delivery (`delivery`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company import catalogue, phrases
from dagster_project.sample_company.crm_records import campaign_id, webinar_guests
from dagster_project.sample_company.directory import Directory, choose
from dagster_project.sample_company.simulation import Simulation
from dagster_project.sample_company.timeline import date_text, day_of_second, unix_seconds, zulu_text

OUTCOMES = ("sent", "opened", "clicked", "converted", "bounced")
CONSENT_SOURCES = ("signup form", "sales call", "preference centre")


def touchpoints(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """E-mails with the furthest that each got, visits to the web site, and webinars attended."""
    mail = simulation.log.frame("mail", ("customer", "day", "month", "half", "outcome", "second"))
    mail = mail.select(
        "customer", "second", campaign_id(directory.seed, mail["month"], mail["half"]).alias("campaign_id"),
        touchpoint_id=pl.format("tp_m{}_{}", pl.col("day") + 1_000, "customer"), channel=pl.lit("email"),
        direction=pl.lit("outbound"), outcome=choose(OUTCOMES, pl.col("outcome")), cost_usd=pl.lit(0.01),
    )  # fmt: skip
    visit = simulation.log.frame("visit", ("customer", "day", "second")).select(
        "customer", "second", campaign_id=pl.lit(None, dtype=pl.String),
        touchpoint_id=pl.format("tp_w{}_{}", pl.col("day") + 1_000, "customer"), channel=pl.lit("web"),
        direction=pl.lit("inbound"), outcome=pl.lit("clicked"), cost_usd=pl.lit(0.0),
    )  # fmt: skip
    webinar = webinar_guests(simulation, directory).filter("is_guest").select(
        "customer", second=pl.col("second") + 3 * 86_400, campaign_id=pl.col("campaign"),
        touchpoint_id=pl.format("tp_s{}_{}", pl.col("day") + 1_000, "customer"), channel=pl.lit("webinar"),
        direction=pl.lit("inbound"), outcome=pl.lit("converted"), cost_usd=pl.lit(3.5),
    )  # fmt: skip
    rows = pl.concat(
        [part.with_columns(pl.col("customer", "second").cast(pl.Int64)) for part in (mail, visit, webinar)]
    )
    return rows.hstack(directory.rows(rows["customer"], "main_email")).with_columns(
        email=pl.col("main_email"),
        occurred_at=zulu_text(pl.col("second")),
        _day=day_of_second(pl.col("second")),
    )


def nps_responses(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Answers of main contacts to the question whether they would recommend us."""
    rows = simulation.log.frame("survey", ("customer", "score", "tone", "has_comment", "text", "second"))
    comment = phrases.by_tone(phrases.SURVEY_COMMENTS, pl.col("tone"), pl.col("text"))
    return rows.hstack(directory.rows(rows["customer"], "main_email", "key")).with_columns(
        response_id=pl.format("nps_{}_{}", "key", pl.col("second") // 86_400),
        email=pl.col("main_email"),
        comment=pl.when(pl.col("has_comment").cast(pl.Boolean)).then(comment),
        responded_at=zulu_text(pl.col("second")),
        _day=day_of_second(pl.col("second")),
    )


def consents(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """Decisions of main contacts at the start, and later withdrawals."""
    people = simulation.population
    start = unix_seconds(people.first_day, people.anchor_second + 2_400)
    withdrawn = unix_seconds(people.consent_withdrawn_day, people.anchor_second)
    rows = directory.frame.select("customer", "key", "main_email").with_columns(
        pl.Series("is_granted", people.has_consent),
        pl.Series("second", start),
        pl.Series("withdrawn", withdrawn),
        number=pl.lit(0),
        purpose=pl.lit("marketing_email"),
        source=choose(CONSENT_SOURCES, pl.col("customer") % 2),
    )
    analysis = rows.with_columns(purpose=pl.lit("analytics"), is_granted=pl.lit(True))
    withdrawal = rows.filter("is_granted").with_columns(
        number=pl.lit(1),
        is_granted=pl.lit(False),
        second=pl.col("withdrawn"),
        source=pl.lit(CONSENT_SOURCES[2]),
    )
    return pl.concat([rows, analysis, withdrawal]).with_columns(
        consent_id=pl.format("consent_{}_{}_{}", "key", "purpose", "number"),
        email=pl.col("main_email"),
        recorded_at=zulu_text(pl.col("second")),
        _day=day_of_second(pl.col("second")),
    )


def incentive_outcomes(simulation: Simulation, directory: Directory) -> pl.DataFrame:
    """One row per drawn offer, delivered the day after its 90 days of observation ended."""
    columns = ("customer", "day", "arm", "kind", "offered", "accepted", "cost")
    offers = simulation.log.frame("offer", columns)
    retention = simulation.log.frame("retention", ("customer", "day", "is_retained"))
    rows = offers.join(retention, on=["customer", "day"], how="inner", validate="1:1", maintain_order="left")
    until = pl.Series(unix_seconds(rows["day"].to_numpy() + catalogue.OFFER_DAYS))
    recorded = until + 86_400 + 7_200
    propensity = np.array(catalogue.PROPENSITIES)[rows["arm"].to_numpy().astype(np.int64)]
    return rows.hstack(directory.rows(rows["customer"], "stripe_id", "key")).with_columns(
        outcome_id=pl.format("out_{}_{}", "key", pl.col("day") + 1_000),
        stripe_customer_id=pl.col("stripe_id"),
        incentive_id=choose(catalogue.INCENTIVES, pl.col("arm")),
        propensity=pl.Series(propensity),
        cost_usd=pl.col("cost").cast(pl.Float64),
        is_retained=pl.col("is_retained").cast(pl.Boolean),
        offered_at=zulu_text(pl.col("offered")),
        accepted_at=zulu_text(pl.when(pl.col("accepted") >= 0).then("accepted")),
        observed_until=date_text(pl.lit(until)),
        recorded_at=zulu_text(pl.lit(recorded)),
        _day=day_of_second(pl.lit(recorded)),
    )
