"""Every contact with a customer outside the product: tickets, surveys, e-mails, web visits.

Here: what happens, as rows of numbers for one day. Not here: the words (`phrases`) and the vendors' formats
(`support_records`, `marketing_records`).
"""

import numpy as np

from dagster_project.sample_company.business_hours import after_work, next_open
from dagster_project.sample_company.engagement import sigmoid
from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.places import DESKS
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import State
from dagster_project.sample_company.timeline import Bools, Floats, Ints, date_of, unix_seconds

SURVEY_EVERY_DAYS = 90
SURVEY_ANSWER_SHARE = 0.45
MAILING_DAYS = (8, 22)
"""Days of the month on which a mailing goes out."""
LONGEST_SOLVE_DAYS = 20
USUAL_SOLVE_MINUTES = 1_900
SENT, OPENED, CLICKED, CONVERTED, BOUNCED = range(5)


def _mood(state: State, who: Ints, noise: Floats) -> Floats:
    return np.asarray(0.9 * state.engagement[who] - 0.8 * state.trouble[who] + 0.55 * noise)


def _tone(mood: Floats) -> Ints:
    """0 angry, 1 displeased, 2 plain, 3 friendly, 4 delighted."""
    return np.asarray(np.searchsorted([-1.1, -0.35, 0.35, 1.1], mood), dtype=np.int64)


def _in_contract(state: State, known: int) -> Bools:
    return np.asarray((state.users[:known] > 0) & (state.ended_day[:known] < 0))


def _minutes_until_open(desk: Ints, opened: Ints, minutes: Ints) -> Ints:
    """The first whole minute after the opening, from the given one on, at which the desk works."""
    for _ in range(2):  # a minute that is rounded up may lie past the closing hour
        minutes = -((opened - next_open(desk, opened + 60 * minutes)) // 60)
    return minutes


def log_tickets(state: State, population: Population, log: EventLog, day: int, known: int) -> None:
    """Log the tickets of the day with all that will become of them.

    A first reply takes so many minutes of the desk's opening hours; a solution is found in the time on the wall, and
    told when the desk is open.
    """
    draws = generator(population.seed, "tickets", day)
    rate = 0.011 * np.sqrt(np.maximum(1, state.users[:known]) / 4) * np.exp(-0.45 * state.engagement[:known])
    rate = np.minimum(0.5, rate * (1 + 2.0 * state.trouble[:known])) * (
        1.2 if date_of(day).weekday() < 5 else 0.4
    )
    may_open = _in_contract(state, known) & population.opens_tickets[:known]
    who = np.repeat(np.arange(known), draws.poisson(np.where(may_open, rate, 0.0)))
    count = len(who)
    mood = _mood(state, who, draws.standard_normal(count))
    tone = _tone(mood)
    issue = np.searchsorted([0.40, 0.70, 0.90], draws.random(count), side="right")
    urgency = np.clip(1.2 - 0.5 * mood + 0.8 * draws.standard_normal(count), 0, 3.99).astype(np.int64)
    opened = unix_seconds(day, 21_600 + (50_000 * draws.random(count)).astype(np.int64))
    desk = np.array(DESKS)[population.place[who]]
    reply = np.exp(4.4 - 0.45 * urgency + 0.9 * draws.standard_normal(count))
    reply = np.maximum(1, reply).astype(np.int64)
    replied = after_work(desk, opened, 60 * reply)
    solving = np.exp(6.6 - 0.25 * urgency + 1.0 * draws.standard_normal(count))
    solving = np.minimum(solving, LONGEST_SOLVE_DAYS * 1_440).astype(np.int64)
    solve = _minutes_until_open(desk, opened, (replied - opened) // 60 + 1 + solving)
    reopened = draws.poisson(np.where(solve > 5_760, 0.3, 0.08))
    escalated = draws.random(count) < np.where(urgency >= 2, 0.22, 0.04)
    pleased = sigmoid(1.5 + 0.8 * mood - 0.55 * np.log(solve / USUAL_SOLVE_MINUTES) - 0.7 * reopened)
    log.add(
        "ticket",
        count,
        customer=who,
        day=day,
        sequence=np.arange(count),
        slot=(draws.random(count) ** 2 * np.minimum(3, state.users[who])).astype(np.int64),
        tone=tone,
        issue=issue,
        urgency=urgency,
        channel=np.searchsorted([0.5, 0.8, 0.94], draws.random(count), side="right"),
        has_organization=draws.random(count) < 0.9,
        text=draws.integers(0, 2**40, count),
        opened=opened,
        desk=desk,
        reply_minutes=(replied - opened) // 60,
        solve_minutes=solve,
        reopens=reopened,
        is_escalated=escalated,
        is_asked=draws.random(count) < 0.55,
        answers=draws.random(count) < 0.72,
        is_good=draws.random(count) < pleased,
        answer_minutes=(30 + 2_800 * draws.random(count)).astype(np.int64),
    )


def log_surveys(state: State, population: Population, log: EventLog, day: int, known: int) -> None:
    """Ask every customer each 90 days how likely they are to recommend us, and log who answers."""
    draws = generator(population.seed, "surveys", day)
    answer, noise, comment = draws.random(known), draws.standard_normal(known), draws.random(known)
    text, second = draws.integers(0, 2**40, known), draws.integers(28_800, 64_800, known)
    since = day - state.started_day[:known]
    asked = state.is_subscriber(known) & (since > 0) & (since % SURVEY_EVERY_DAYS == 30)
    who = np.flatnonzero(asked & (answer < SURVEY_ANSWER_SHARE))
    mood = _mood(state, who, noise[who])
    log.add(
        "survey",
        len(who),
        customer=who,
        score=np.clip(np.round(7.4 + 1.9 * mood), 0, 10).astype(np.int64),
        tone=_tone(mood),
        has_comment=comment[who] < 0.6,
        text=text[who],
        second=unix_seconds(day, second[who]),
    )


def log_marketing(state: State, population: Population, log: EventLog, day: int, known: int) -> None:
    """Twice a month, mail everybody who consents; log the furthest that each message got."""
    date = date_of(day)
    if date.day not in MAILING_DAYS:
        return
    draws = generator(population.seed, "mailing", day)
    steps = [draws.random(known) for _ in range(4)]
    second = draws.integers(28_800, 72_000, known)
    may_mail = population.has_consent[:known] & (day < population.consent_withdrawn_day[:known])
    who = np.flatnonzero(_in_contract(state, known) & may_mail)
    engagement = state.engagement[who]
    opens = steps[0][who] < sigmoid(-0.35 + 0.85 * engagement)
    clicks = opens & (steps[1][who] < sigmoid(-1.0 + 0.6 * engagement))
    converts = clicks & (steps[2][who] < 0.07)
    outcome = np.select([converts, clicks, opens], [CONVERTED, CLICKED, OPENED], default=SENT)
    log.add(
        "mail",
        len(who),
        customer=who,
        day=day,
        month=12 * date.year + date.month - 1,
        half=MAILING_DAYS.index(date.day),
        outcome=np.where(steps[3][who] < 0.008, BOUNCED, outcome),
        second=unix_seconds(day, second[who]),
    )


def log_web_visits(state: State, population: Population, log: EventLog, day: int, known: int) -> None:
    """Log visits of known people to the web site."""
    draws = generator(population.seed, "web", day)
    rate = 0.025 * np.exp(0.5 * np.clip(state.engagement[:known], -3, 2))
    visits = draws.random(known) < np.where(_in_contract(state, known), rate, 0.0)
    who = np.flatnonzero(visits)
    log.add(
        "visit",
        len(who),
        customer=who,
        day=day,
        second=unix_seconds(day, draws.integers(21_600, 79_000, len(who))),
    )
