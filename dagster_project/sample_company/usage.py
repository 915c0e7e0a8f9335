"""Product use in detail: sessions, users, features, errors, and the delay of the collector.

Here: rows of numbers for one day. Not here: who is active at all (`engagement`) and the vendor's format
(`product_records`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import State
from dagster_project.sample_company.timeline import unix_seconds

LATE_SHARE = 0.001
LATEST_DAYS = 5


def log_usage(state: State, population: Population, log: EventLog, day: int, known: int) -> None:
    """Log one row per user, session and feature of the day."""
    draws = generator(population.seed, "usage", day)
    active = np.flatnonzero(state.is_active_today[:known])
    engagement = np.clip(state.engagement[active], -2.5, 2.5)
    extra = (0.05 + 0.28 * np.log(state.users[active])) * np.exp(0.45 * engagement)
    sessions = 1 + np.minimum(draws.poisson(extra), 30)
    customer = np.repeat(active, sessions)
    count = len(customer)
    slot = (state.users[customer] * draws.random(count) ** 1.6).astype(np.int64)
    start = 25_200 + (39_600 * draws.beta(2.0, 2.2, count)).astype(np.int64)
    more = draws.random(count)
    features = 1 + (more < 0.45).astype(np.int64) + (more < 0.15)

    session = np.repeat(np.arange(count), features)
    rows = len(session)
    who = customer[session]
    breadth = np.clip(5.5 + 2.2 * state.engagement[who], 2, len(catalogue.FEATURES))
    feature = (breadth * draws.random(rows) ** 1.4).astype(np.int64)
    error_rate = 0.04 * np.exp(-0.35 * np.clip(state.engagement[who], -2.5, 2.5)) + 0.35 * state.trouble[who]
    occurred = unix_seconds(day, start[session] + draws.integers(0, 1_800, rows))
    delay = (2 + draws.exponential(20, rows)).astype(np.int64)
    is_late = draws.random(rows) < LATE_SHARE
    days_late = draws.integers(1, LATEST_DAYS + 1, rows)
    log.add(
        "event",
        rows,
        customer=who.astype(np.int32),
        slot=slot[session].astype(np.int16),
        day=np.int32(day),
        session=session.astype(np.int32),
        sequence=np.arange(rows, dtype=np.int32),
        feature=feature.astype(np.int8),
        quantity=draws.geometric(0.3, rows).astype(np.int32),
        duration=(30 + draws.exponential(300, rows)).astype(np.int32),
        errors=draws.poisson(error_rate).astype(np.int32),
        occurred=occurred,
        received=occurred + np.where(is_late, days_late * 86_400, delay),
    )
