"""Subscriber survival: how long paid subscriptions last.

Here: the survival curve of subscribers, its tail and what follows from it. Not here: purchases without a
contract (`bg_nbd.py`), why customers leave (the churn model) and frames (`clv.py`).
"""

from typing import Self

import numpy as np
import numpy.typing as npt

from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory

MONTH_DAYS = 365 / 12
_TAIL_WINDOW_DAYS = 365
_LEAST_ENDINGS = 0.5


class SubscriberSurvival:
    """Kaplan-Meier curve of subscribed days, with a tail of constant hazard.

    A tenure runs from the first paid subscription's begin to the end of the last one, or so far.

    - The curve is used up to `last_day_`, the longest tenure that at least `min_at_risk` subscribers have
      reached; behind it single endings would move it by tenths.
    - Beyond, the hazard is constant: endings per subscriber and day over the last 365 days of tenure up to
      `last_day_`. Without an ending in these days half an ending is counted: "nobody left yet" is not "nobody
      ever leaves".
    - Without any ending at all, or with fewer than `min_at_risk` subscribers, there is no curve to draw: the
      whole of it is the constant hazard, endings (at least half of one) per day of all tenures.

    A source that begins on some day knows the old subscribers who were still there, not those who had left: the
    tenure before that day is left out (left truncation), or old customers would make everybody look loyal. Tenures
    that fewer than `min_at_risk` subscribers were seen in count as survived. A gap between two subscriptions of a
    customer counts as subscribed.

    Source: Kaplan and Meier (1958), Nonparametric Estimation from Incomplete Observations; with late entries: Klein
    and Moeschberger (2003), Survival Analysis, section 4.6; standard errors: Greenwood's formula.

    Args:
        min_at_risk: Fewest subscribers that must have reached a tenure for the curve to be used there.

    Attributes:
        days_: Tenures at which subscribers ended, up to `last_day_`, ascending, shape (k,).
        survival_: Share that outlives each, shape (k,).
        standard_errors_: Greenwood's standard error of each, shape (k,); NaN once nobody is left.
        last_day_: End of the curve and begin of the tail, in days of tenure.
        tail_hazard_: Endings per subscriber and day beyond `last_day_`.
        customer_count_, ended_count_: Subscribers learned from, and how many of them have ended.
    """

    days_: FloatArray
    survival_: FloatArray
    standard_errors_: FloatArray
    last_day_: float
    tail_hazard_: float
    customer_count_: int
    ended_count_: int

    def __init__(self, min_at_risk: int = 10) -> None:
        self.min_at_risk = min_at_risk

    def fit(
        self, tenure_days: npt.ArrayLike, has_ended: npt.ArrayLike, unseen_days: npt.ArrayLike = 0
    ) -> Self:
        """Learn the curve.

        Args:
            tenure_days: Days subscribed, to the end or so far, 0 or more, shape (n,).
            has_ended: Whether the end was seen, shape (n,); otherwise the tenure is right censored.
            unseen_days: Tenure before the data begins, in which an end could not be seen, shape (n,) or one number.

        Raises:
            NotEnoughHistory: No subscriber at all.
            ValueError: A tenure below 0 or not finite.
        """
        tenure = np.asarray(tenure_days, dtype=np.float64)
        ended = np.asarray(has_ended, dtype=bool)
        entry = np.broadcast_to(np.asarray(unseen_days, dtype=np.float64), tenure.shape)
        if tenure.size == 0:
            raise NotEnoughHistory("subscriber survival needs a subscriber; there is none")
        if not np.all(np.isfinite(tenure)) or np.any(tenure < 0):
            raise ValueError("tenures must be finite and not negative")
        self.customer_count_ = int(tenure.size)
        self.ended_count_ = int(ended.sum())
        has_curve = self.ended_count_ > 0 and tenure.size >= self.min_at_risk
        self.last_day_ = float(np.sort(tenure)[-self.min_at_risk]) if has_curve else 0.0
        self._fit_curve(tenure, ended, entry)
        self._fit_tail(tenure, ended, entry)
        return self

    def _fit_curve(self, tenure: FloatArray, ended: npt.NDArray[np.bool_], entry: FloatArray) -> None:
        is_on_curve = ended & (tenure <= self.last_day_) & (self.last_day_ > 0)
        days, ending_counts = np.unique(tenure[is_on_curve], return_counts=True)
        not_yet_seen = entry[entry > 0].size - np.searchsorted(np.sort(entry[entry > 0]), days, side="left")
        at_risk = tenure.size - np.searchsorted(np.sort(tenure), days, side="left") - not_yet_seen
        is_known = at_risk >= self.min_at_risk
        self.days_, ending_counts, at_risk = days[is_known], ending_counts[is_known], at_risk[is_known]
        self.survival_ = np.cumprod(1 - ending_counts / at_risk)
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.cumsum(ending_counts / (at_risk * (at_risk - ending_counts)))
            self.standard_errors_ = self.survival_ * np.sqrt(variance)

    def _fit_tail(self, tenure: FloatArray, ended: npt.NDArray[np.bool_], entry: FloatArray) -> None:
        end = self.last_day_ if self.last_day_ > 0 else float(tenure.max())
        begin = max(end - _TAIL_WINDOW_DAYS, 0.0) if self.last_day_ > 0 else 0.0
        is_in_window = ended & (tenure <= end) & ((tenure > begin) | (begin == 0))
        seen_from = np.clip(entry, begin, end)
        exposure_days = float(np.sum(np.maximum(np.clip(tenure, begin, end) - seen_from, 0)))
        self.tail_hazard_ = max(float(is_in_window.sum()), _LEAST_ENDINGS) / max(exposure_days, 1.0)

    def survival(self, days: npt.ArrayLike) -> FloatArray:
        """Share of subscribers whose subscription outlives these tenures in days; any shape."""
        asked = np.asarray(days, dtype=np.float64)
        levels = np.concatenate([[1.0], self.survival_])
        on_curve = levels[np.searchsorted(self.days_, np.minimum(asked, self.last_day_), side="right")]
        return np.asarray(on_curve * np.exp(-self.tail_hazard_ * np.maximum(asked - self.last_day_, 0)))

    def standard_error(self, days: float) -> float:
        """Greenwood's standard error of the survival at a tenure in days; NaN in the tail."""
        if days > self.last_day_:
            return float("nan")
        errors = np.concatenate([[0.0], self.standard_errors_])
        return float(errors[np.searchsorted(self.days_, days, side="right")])

    def conditional_survival(self, tenure_days: npt.ArrayLike, horizon_days: npt.ArrayLike) -> FloatArray:
        """Probability that subscribers of these tenures stay `horizon_days` longer; the two are broadcast."""
        tenure = np.asarray(tenure_days, dtype=np.float64)
        horizon = np.asarray(horizon_days, dtype=np.float64)
        now, later = self.survival(tenure), self.survival(tenure + horizon)
        by_tail = np.exp(-self.tail_hazard_ * horizon)
        # Where everybody seen so far has ended, the curve says nothing about one who has not: the tail does.
        return np.where(now > 0, later / np.where(now > 0, now, 1.0), by_tail)

    def expected_months(self, tenure_days: npt.ArrayLike, month_count: int = 12) -> FloatArray:
        """Expected monthly payments of subscribers of these tenures in the next months, shape (n,).

        A month of 365/12 days counts when its end is reached: the sum of S(t + k 365/12) / S(t) over k = 1
        to `month_count`.
        """
        tenure = np.asarray(tenure_days, dtype=np.float64)
        months = MONTH_DAYS * np.arange(1, month_count + 1)
        return np.asarray(self.conditional_survival(tenure[:, np.newaxis], months).sum(axis=1))
