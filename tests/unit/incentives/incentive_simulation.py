"""A simulated randomised experiment whose effect per kind of customer is known."""

import datetime as dt

import numpy as np
import polars as pl

TODAY = dt.date(2026, 6, 30)
PLANS = ("Starter", "Growth", "Scale", "Team")
KINDS = tuple(f"{plan}, {use} use" for plan in PLANS for use in ("high", "low"))
STAY_WITHOUT_OFFER = {"high use": 0.85, "low use": 0.60}


def simulate_outcomes(count: int, seed: int, lifts: dict[str, dict[str, float]]) -> pl.DataFrame:
    """Outcomes of `count` customers; `lifts` gives per offer the true lift of each kind (0 when not named).

    Half of the Starter customers' chances go to the first offer, so that shares without weights are biased.
    """
    random = np.random.default_rng(seed)
    offers = ["no_offer", *lifts]
    plan = random.choice(PLANS, count)
    active_days = random.integers(0, 16, count)
    kind = np.array(
        [f"{p}, {'low' if days < 8 else 'high'} use" for p, days in zip(plan, active_days, strict=True)]
    )
    skewed = np.full(len(offers), 0.5 / (len(offers) - 1))
    skewed[1 if len(offers) > 1 else 0] = 0.5
    chances = np.where((plan == "Starter")[:, None], skewed, 1 / len(offers))
    drawn = (random.random(count)[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(0, len(offers) - 1)
    lift = np.array(
        [[lifts[offer].get(name, 0.0) for name in KINDS] if offer in lifts else [0.0] * 8 for offer in offers]
    )
    stay = np.array([STAY_WITHOUT_OFFER[name.split(", ")[1]] for name in kind])
    stay = stay + lift[drawn, np.array([KINDS.index(name) for name in kind])]
    return pl.DataFrame(
        {
            "outcome_id": [f"o{number:06d}" for number in range(count)],
            "customer_id": [f"c{number:06d}" for number in range(count)],
            "incentive_id": np.array(offers)[drawn],
            "propensity_probability": chances[np.arange(count), drawn],
            "offered_at": TODAY - dt.timedelta(days=200),
            "is_retained": random.random(count) < stay,
            "cost_amount": pl.Series(np.where((drawn > 0) & (random.random(count) < 0.4), 30.0, 0.0)).cast(
                pl.Decimal(18, 2)
            ),
            "observed_until_date": TODAY - dt.timedelta(days=20),
            "plan": plan,
            "billing_interval": "month",
            "mrr_amount": pl.Series(np.full(count, 100.0)).cast(pl.Decimal(18, 2)),
            "seat_count": 5,
            "active_day_last_30_days_count": active_days,
            "subscription_tenure_days": 300,
            "failed_payment_last_90_days_count": 0,
        }
    )
