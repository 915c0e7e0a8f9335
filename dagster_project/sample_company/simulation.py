"""The order of a day, and the loop over days.

Here: which rule runs when. Not here: any rule.
"""

from dataclasses import dataclass

import numpy as np

from dagster_project.sample_company import (
    catalogue,
    churn,
    collection,
    engagement,
    growth,
    offers,
    pauses,
    plan_changes,
)
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.contacts import log_marketing, log_surveys, log_tickets, log_web_visits
from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.population import Population, draw_population
from dagster_project.sample_company.pricing import monthly_cents
from dagster_project.sample_company.second_subscriptions import SecondSubscriptions
from dagster_project.sample_company.state import NEVER, PAST_DUE, initial_state
from dagster_project.sample_company.timeline import SECONDS_PER_DAY, date_of, unix_seconds
from dagster_project.sample_company.usage import log_usage

LOOKBACK_DAYS = 45
"""Rows of usage, support and marketing are delivered at most this long after the day they are drawn on."""


@dataclass(frozen=True)
class Simulation:
    """Everything that happened up to a day: the customers and the log of their doings."""

    population: Population
    log: EventLog
    last_day: int


def simulate(customer_count: int, seed: int, last_day: int, detail_from_day: int = 0) -> Simulation:
    """Run the company from its first day to `last_day`.

    Args:
        customer_count: Paying companies over the default history of 730 days.
        seed: Seed of the company.
        last_day: Last simulated day number, 0 or more.
        detail_from_day: Rows delivered before this day are not needed: usage, support and marketing rows that
            can only be delivered earlier are not drawn. Nothing else depends on it.

    Returns:
        The simulation; its log up to any day does not depend on `last_day`.
    """
    population = draw_population(customer_count, seed, last_day)
    state, log = initial_state(population), EventLog()
    billing = Billing(population, state, log)
    billing.open_with_history()
    second_subscriptions = SecondSubscriptions(billing)
    for day in range(last_day + 1):
        known = population.known_on(day)
        engagement.drift(state, population, day, known)
        billing.arrive(day, known)
        billing.renew(day, known)
        plan_changes.change_interval(billing, day, known)
        growth.win_back(billing, day, known)
        collection.collect(billing, day, known)
        pauses.resume(billing, day, known)
        plan_changes.change_seats(billing, day, known)
        plan_changes.change_plan(billing, day, known)
        pauses.pause(billing, day, known)
        plan_changes.grant_coupons(billing, day, known)
        plan_changes.sell_trainings(billing, day, known)
        offers.make_offers(billing, day, known)
        churn.decide(billing, day, known)
        second_subscriptions.live(day, known)
        engagement.use_product_today(state, population, day, known)
        offers.record_retention(billing, day, known)
        if day >= detail_from_day - LOOKBACK_DAYS:
            log_usage(state, population, log, day, known)
            log_tickets(state, population, log, day, known)
            log_surveys(state, population, log, day, known)
            log_marketing(state, population, log, day, known)
            log_web_visits(state, population, log, day, known)
        if date_of(day + 1).day == 1:
            _log_hazards(billing, day, known)
            _log_revenue(billing, second_subscriptions, day, known)
    return Simulation(population, log, last_day)


def _log_hazards(billing: Billing, day: int, known: int) -> None:
    """At the end of a month, write down the truth about every subscriber, and what a company sees of it."""
    state, population = billing.state, billing.population
    who = np.flatnonzero(state.is_subscriber(known))
    kind = offers.kind_of_customer(state, known)
    leaving = churn.churn_probability(
        state, population, day, known, catalogue.VOLUNTARY_HAZARD_MULTIPLIERS[kind, 1:]
    )
    with_offer = dict(zip(catalogue.INCENTIVES[1:], leaving.with_offers.T, strict=True))
    billing.log.add(
        "hazard",
        len(who),
        customer=who,
        day=day,
        hazard=np.where(state.has_notice[:known], 1.0, churn.hazard_now(state, population, day, known))[who],
        probability=leaving.probability[who],
        voluntary=leaving.voluntary[who],
        payment=leaving.payment[who],
        **{f"with_{offer}": chance[who] for offer, chance in with_offer.items()},
        engagement=state.engagement[who],
        trouble=state.trouble[who],
        has_notice=state.has_notice[who],
        kind=kind[who],
        plan=state.plan[who],
        is_yearly=state.is_yearly[who],
        seats=state.seats[who],
        active_days=state.active_day_count(known)[who],
        days_left=state.period_end[who] - day,
        tenure_days=day - state.started_day[who],
        is_past_due=state.status[who] == PAST_DUE,
    )


def _log_revenue(billing: Billing, second: SecondSubscriptions, day: int, known: int) -> None:
    """At the end of a month, write down the true monthly recurring revenue of every subscriber."""
    state = billing.state
    who = np.flatnonzero(state.is_subscriber(known))
    last_second = unix_seconds(day, np.full(len(who), SECONDS_PER_DAY - 1))
    billing.log.add(
        "revenue",
        len(who),
        customer=who,
        day=day,
        currency=state.currency[who],
        cents=monthly_cents(state, who, last_second) + second.monthly_cents(who),
        is_paused=state.pause_behavior[who] != NEVER,
    )
