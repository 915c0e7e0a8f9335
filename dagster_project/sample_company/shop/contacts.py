"""Visits, messages, answers and questions: what the shop hears of people beside their orders.

Messages follow the season and cause nothing: who opens one is interested anyway. That clicks go before purchases is
true of these data and no effect. Not here: orders (`baskets`) and offers (`offers`).
"""

import numpy as np
import polars as pl

from dagster_project.sample_company.directory import choose
from dagster_project.sample_company.randomness import generator, mixed, mixed_index, mixed_uniform, pick
from dagster_project.sample_company.shop.life import GONE, HIGH, LOW, Life
from dagster_project.sample_company.shop.phrases import PROBLEMS, REVIEWS
from dagster_project.sample_company.shop.rhythm import OPEN_SECONDS, OPENS_SECOND, quarter_starts
from dagster_project.sample_company.timeline import Ints, date_of, unix_seconds

OUTCOMES = ("sent", "opened", "clicked", "bounced")
MAIL_EVERY_DAYS, PUSH_EVERY_DAYS = 14, 30
OPEN_SHARES = np.array([0.04, 0.18, 0.30, 0.45])
"""Messages opened, by level of interest."""
CLICK_SHARE = 0.3
REVIEW_SHARE, TICKET_SHARE, NPS_SHARE = 0.06, 0.02, 0.06


def second_in_store(seed: int, purpose: str, customer: Ints, day: Ints) -> Ints:
    """A second of the opening hours."""
    return unix_seconds(day, OPENS_SECOND + mixed_index(seed, purpose, OPEN_SECONDS, customer, day))


def visits(life: Life, orders: pl.DataFrame) -> pl.DataFrame:
    """Every basket of a store is the end of a visit, and some visits end without: who, when, how long, with whom."""
    seed = life.people.seed
    bought = orders.filter(~pl.col("is_web")).select("customer", "day", ends="second", buys=pl.lit(1))
    looked = life.log.frame("browse", ("customer", "day"))
    seconds = second_in_store(seed, "shop browse", looked["customer"].to_numpy(), looked["day"].to_numpy())
    looked = looked.with_columns(pl.Series("ends", seconds), buys=pl.lit(0))
    # Who came and bought did not come a second time on that day.
    looked = looked.join(bought, on=["customer", "day"], how="anti")
    rows = pl.concat([part.with_columns(pl.all().cast(pl.Int64)) for part in (bought, looked)])
    rows = rows.sort("day", "customer")
    who, day = rows["customer"].to_numpy(), rows["day"].to_numpy()
    noise = _normal(seed, "shop visit", who, day)
    minutes = np.exp(np.log(9) + 0.5 * rows["buys"].to_numpy() + 0.45 * noise)
    company = pick(mixed_uniform(seed, "shop company", who, day), (0.62, 0.26, 0.08, 0.04))
    seconds = np.clip(np.round(60 * minutes), 40, 7_200).astype(np.int64)
    counted = mixed_uniform(seed, "shop counted", who, day) < 0.9  # the door does not see everybody
    return rows.with_columns(
        pl.Series("duration_seconds", seconds),
        pl.Series("party_size", company + 1),
        pl.Series("counted", counted),
    ).with_columns(second=pl.col("ends") - pl.col("duration_seconds"))


def _normal(seed: int, purpose: str, customer: Ints, day: Ints) -> np.ndarray:
    """Standard normal numbers by Box and Muller from two hashes."""
    first = mixed_uniform(seed, f"{purpose} a", customer, day)
    second = mixed_uniform(seed, f"{purpose} b", customer, day)
    return np.asarray(np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second))


def _levels_on(life: Life, day: int) -> Ints:
    """Level of everybody who has joined by the end of a day, from the changes so far."""
    spells = life.log.frame("spell", ("customer", "day", "level"))
    upto = (
        spells.filter(pl.col("day") <= day).group_by("customer").agg(pl.col("level").last()).sort("customer")
    )
    return upto["level"].to_numpy()


def messages(life: Life) -> pl.DataFrame:
    """E-mails every two weeks and push messages every month to those who want them, with the furthest each got."""
    people, parts = life.people, []
    for channel, every, wanted in (
        ("email", MAIL_EVERY_DAYS, people.has_consent),
        ("push", PUSH_EVERY_DAYS, people.has_app),
    ):
        for day in range(every, life.last_day + 1, every):
            level = _levels_on(life, day)
            who = np.flatnonzero(wanted[: len(level)] & (people.join_day[: len(level)] < day))
            draws = generator(people.seed, f"shop {channel}", day)
            opens, clicks, bounces = (draws.random(len(level))[who] for _ in range(3))
            opened = opens < OPEN_SHARES[level[who]]
            outcome = np.where(opened, 1 + (clicks < CLICK_SHARE), 0)
            outcome = np.where((bounces < 0.01) & (channel == "email"), 3, outcome)
            parts.append(
                pl.DataFrame({"customer": who, "outcome": outcome}).with_columns(
                    day=pl.lit(day),
                    channel=pl.lit(channel),
                    campaign_ref=pl.lit(f"{channel}_{date_of(day):%Y_%m_%d}"),
                    cost=pl.lit(0.01 if channel == "email" else 0.0),
                )
            )
    schema = {"customer": pl.Int64, "outcome": pl.Int64, "day": pl.Int32, "channel": pl.String,
              "campaign_ref": pl.String, "cost": pl.Float64}  # fmt: skip
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=schema)
    who, sent = rows["customer"].to_numpy(), rows["day"].to_numpy().astype(np.int64)
    seconds = unix_seconds(sent, 25_200 + mixed_index(people.seed, "shop send", 1_800, who, sent))
    return rows.with_columns(pl.Series("second", seconds), outcome=choose(OUTCOMES, pl.col("outcome")))


def answers(life: Life, orders: pl.DataFrame) -> pl.DataFrame:
    """Ratings of orders (csat, with a review), and whether people would recommend the shop (nps, each quarter)."""
    seed = life.people.seed
    who, day = orders["customer"].to_numpy().astype(np.int64), orders["day"].to_numpy().astype(np.int64)
    chosen = mixed_uniform(seed, "shop review", who, day) < REVIEW_SHARE
    rated = orders.filter(pl.Series(chosen))
    who, day = who[chosen], day[chosen]
    mood = pick(mixed_uniform(seed, "shop mood", who, day), (0.06, 0.08, 0.16, 0.36, 0.34))
    mood = np.where(rated["returned_cents"].to_numpy() > 0, np.maximum(mood - 1, 0), mood)
    text = mixed_index(seed, "shop text", 3, who, day)
    review = pl.Series([REVIEWS[rating][number] for rating, number in zip(mood.tolist(), text.tolist(), strict=True)],
                       dtype=pl.String)  # fmt: skip
    says = mixed_uniform(seed, "shop says", who, day) < 0.7
    lag = 86_400 + mixed_index(seed, "shop review lag", 6 * 86_400, who, day)
    reviews = pl.DataFrame(
        {
            "customer": who,
            "second": rated["second"].to_numpy() + lag,
            "score": mood + 1,
            "text": review,
            "says": says,
        }
    ).select("customer", "second", "score", kind=pl.lit("csat"), comment=pl.when("says").then("text"))
    return pl.concat([reviews, *_recommendations(life)])


def _recommendations(life: Life) -> list[pl.DataFrame]:
    parts = []
    for start in quarter_starts(life.last_day):
        level = _levels_on(life, start)
        draws = generator(life.people.seed, "shop nps", start)
        draw, noise = draws.random(len(level)), draws.standard_normal(len(level))
        # Who has gone rarely answers.
        share = np.where(level == GONE, NPS_SHARE / 6, NPS_SHARE)
        who = np.flatnonzero((draw < share) & (life.people.join_day[: len(level)] < start))
        mean = 7.6 + 0.7 * (level[who] - 2) - 1.5 * (level[who] == GONE)
        score = np.clip(np.round(mean + 1.8 * noise[who]), 0, 10).astype(np.int64)
        lag = 40_000 + 7_200 * (level[who] == LOW) + 3_600 * (level[who] == HIGH)
        parts.append(
            pl.DataFrame(
                {"customer": who, "second": unix_seconds(np.full_like(who, start), lag), "score": score}
            ).with_columns(kind=pl.lit("nps"), comment=pl.lit(None, dtype=pl.String))
        )
    return parts


def tickets(life: Life, orders: pl.DataFrame) -> pl.DataFrame:
    """Questions after orders, more of the web and of what comes back: answered within hours, solved within days."""
    seed = life.people.seed
    who, day = orders["customer"].to_numpy().astype(np.int64), orders["day"].to_numpy().astype(np.int64)
    share = TICKET_SHARE * (1 + orders["is_web"].to_numpy() + 3 * (orders["returned_cents"].to_numpy() > 0))
    asks = mixed_uniform(seed, "shop ticket", who, day) < share
    who, day, rows = who[asks], day[asks], orders.filter(pl.Series(asks))
    second = rows["second"].to_numpy() + 43_200 + mixed_index(seed, "shop ticket lag", 8 * 86_400, who, day)
    reply = second + 900 + mixed_index(seed, "shop reply", 9 * 3_600, who, day)
    solved = (
        reply
        + 600
        + np.exp(mixed_uniform(seed, "shop solved", who, day) * np.log(6 * 86_400)).astype(np.int64)
    )
    number = mixed_index(seed, "shop problem", len(PROBLEMS), who, day)
    score = 5 - pick(mixed_uniform(seed, "shop csat", who, day), (0.45, 0.3, 0.12, 0.07, 0.06))
    end = int(unix_seconds(life.last_day + 1))
    is_solved = solved < end
    return pl.DataFrame(
        {
            "customer": who,
            "second": second,
            "reply": np.where(reply < end, reply, -1),
            "solved": np.where(is_solved, solved, -1),
            "problem": number,
            "score": np.where(is_solved & (mixed_uniform(seed, "shop rates", who, day) < 0.35), score, -1),
            "channel": (mixed(seed, "shop channel", who, day) % np.uint64(3)).astype(np.int64),
            "is_web": rows["is_web"],
        }
    ).filter(pl.col("second") < end)
