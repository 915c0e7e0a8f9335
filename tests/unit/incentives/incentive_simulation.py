"""A simulated randomised experiment whose effect per kind of customer is known."""

import datetime as dt

import numpy as np
import polars as pl

TODAY = dt.date(2026, 6, 30)
PLANS = ("Starter", "Growth", "Scale", "Team")
KINDS = tuple(f"{plan}, {use} use, not yearly" for plan in PLANS for use in ("high", "low"))
HAZARD_KINDS = tuple(
    f"{plan}, {use} use, {billing}"
    for plan in PLANS
    for use in ("high", "low")
    for billing in ("not yearly", "yearly")
)
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
        [
            f"{p}, {'low' if days < 8 else 'high'} use, not yearly"
            for p, days in zip(plan, active_days, strict=True)
        ]
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
            "days_until_renewal": 20,
            "failed_payment_last_90_days_count": 0,
        }
    )


def simulate_hazards(
    count: int, seed: int, log_ratios: np.ndarray, control_share: float | None = None
) -> pl.DataFrame:
    """Outcomes of kinds whose hazard the offers multiply.

    Args:
        count: Customers.
        seed: Of the draws.
        log_ratios: True log hazard ratio, shape (offers, 16): four plans, each high use not yearly, high use
            yearly, low use not yearly, low use yearly.
        control_share: Chance to be drawn for no offer; the same as for each offer when None.

    Returns:
        Frame as of `simulate_outcomes`, for offers named `offer_0`, `offer_1`, ...
    """
    random = np.random.default_rng(seed)
    offer_count = log_ratios.shape[0]
    control = 1 / (offer_count + 1) if control_share is None else control_share
    chances = np.array([control, *np.full(offer_count, (1 - control) / offer_count)])
    drawn = random.choice(offer_count + 1, count, p=chances)
    kind = random.integers(0, len(HAZARD_KINDS), count)
    hazard = np.linspace(0.04, 0.16, len(HAZARD_KINDS))[kind]
    ratio = np.exp(np.vstack([np.zeros(len(HAZARD_KINDS)), log_ratios])[drawn, kind])
    return pl.DataFrame(
        {
            "outcome_id": [f"o{number:06d}" for number in range(count)],
            "customer_id": [f"c{number:06d}" for number in range(count)],
            "incentive_id": np.array(["no_offer", *(f"offer_{number}" for number in range(offer_count))])[
                drawn
            ],
            "propensity_probability": chances[drawn],
            "is_retained": random.random(count) < np.exp(-hazard * ratio),
            "cost_amount": pl.Series(np.where(drawn > 0, 30.0, 0.0)).cast(pl.Decimal(18, 2)),
            "observed_until_date": TODAY - dt.timedelta(days=20),
            "plan": np.array(PLANS)[kind // 4],
            "billing_interval": np.array(["month", "year"])[kind % 2],
            "active_day_last_30_days_count": np.where(kind % 4 < 2, 12, 3),
            "seat_count": 5,
            "subscription_tenure_days": 300,
            "days_until_renewal": 20,
            "failed_payment_last_90_days_count": 0,
        }
    )
