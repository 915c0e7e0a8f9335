"""How long each subscriber stays: at the customer's own risk where the churn model knows it, else by everybody's curve.

Here: chances to stay so many days. Not here: the curve (`survival.py`), the churn probabilities, and what staying is
worth (`subscriber_values.py`).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from dagster_project.value.maximum_likelihood import FloatArray
from dagster_project.value.survival import SubscriberSurvival

LEAST_PROBABILITY = 1e-6
"""No model is surer than that of who stays or leaves."""


@dataclass(frozen=True)
class OwnRisks:
    """What is known of single subscribers.

    Attributes:
        churn_probability: To leave within the churn horizon, shape (n,); NaN where it is not known.
        notice_ends_days: Days until the end of what is paid for, of those who have given notice, shape (n,); NaN of the
            others.
        churn_horizon_days: How far the churn model looks.
    """

    churn_probability: FloatArray
    notice_ends_days: FloatArray
    churn_horizon_days: int

    @classmethod
    def of(cls, subscribers: pl.DataFrame, churn_horizon_days: int) -> "OwnRisks":
        """From the columns `churn_probability`, `is_cancel_at_period_end` and `days_until_renewal`."""
        has_notice = pl.col("is_cancel_at_period_end").fill_null(False)
        probability, notice = (
            subscribers.select(column.cast(pl.Float64).fill_null(np.nan)).to_series().to_numpy()
            for column in (
                pl.col("churn_probability").clip(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY),
                pl.when(has_notice).then(pl.col("days_until_renewal").clip(0)),
            )
        )
        return cls(probability, notice, churn_horizon_days)


def share_at_own_risk(churn_probability: FloatArray, churn_horizon_days: int, days: FloatArray) -> FloatArray:
    """Chance to be a subscriber still after so many days: the curve of `share_who_stay`, shape (n, k).

    Args:
        churn_probability: To leave within the horizon, above 0 and below 1, shape (n,).
        churn_horizon_days: The horizon.
        days: Days from now, shape (k,).
    """
    odds = churn_probability / (1 - churn_probability)
    return np.asarray(1 / (1 + odds[:, np.newaxis] * days / churn_horizon_days))


def share_who_stay(
    curve: SubscriberSurvival, tenure_days: FloatArray, risks: OwnRisks, days: FloatArray
) -> FloatArray:
    """Chance to be a subscriber still after so many days, shape (n, k).

    The churn model knows the chance p to leave within its horizon of H days. Customers of one p do not have one hazard:
    those who stay are more and more the loyal ones. With hazards that vary exponentially between them (the continuous
    form of the shifted-beta-geometric of Fader and Hardie 2007, How to project customer retention; Lomax 1954) the
    share that stays t days is 1 / (1 + p / (1 - p) t / H): 1 - p at H, and a hazard that falls as time goes. A constant
    hazard would write off who stays in spite of a high risk.

    Who has given notice stays to the end of what is paid for. After it the same holds, or nobody stays where the
    churn model looks less far than that end.

    Args:
        curve: Of all subscribers, for those whose risk is not known.
        tenure_days: Days subscribed so far, shape (n,).
        risks: What is known of each.
        days: Days from now, shape (k,), above 0.
    """
    own = share_at_own_risk(risks.churn_probability, risks.churn_horizon_days, days)
    everybody = curve.conditional_survival(tenure_days[:, np.newaxis], days)
    stays = np.where(np.isnan(own), everybody, own)
    end = risks.notice_ends_days[:, np.newaxis]
    after_notice = np.where(end > risks.churn_horizon_days, 0.0, stays)
    return np.asarray(np.where(np.isnan(end), stays, np.where(days < end, 1.0, after_notice)))
