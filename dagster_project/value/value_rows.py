"""Values of customers as rows: one per customer and horizon, with the amounts that every kind of model gives.

Here: horizons, shares of quantiles, discounting and the shape of the rows. Not here: the models behind the amounts
(`buyer_values.py`, `subscriber_values.py`) and tables (`clv.py`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from dagster_project.value.maximum_likelihood import FloatArray

HORIZONS_DAYS = (90, 365, 1095)
MAIN_HORIZON_DAYS = 365
"""The one of which `customer_360` has the value."""
QUANTILES = (0.05, 0.50, 0.95)

MONEY = pl.Decimal(18, 2)
AMOUNTS = (
    "predicted_clv_amount",
    "predicted_clv_p05_amount",
    "predicted_clv_p50_amount",
    "predicted_clv_p95_amount",
    "discounted_clv_amount",
    "discounted_clv_p05_amount",
    "discounted_clv_p50_amount",
    "discounted_clv_p95_amount",
)
STAKES = ("value_at_stake_amount", "value_at_risk_amount")
"""What leaving within the churn horizon forfeits, and the churn probability times that; nobody's without a contract."""
VALUE_SCHEMA: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "horizon_days": pl.Int64(),
    "status": pl.String(),
    "model": pl.String(),
    "probability_alive": pl.Float64(),
    "expected_purchases": pl.Float64(),
    **dict.fromkeys((*AMOUNTS, *STAKES), MONEY),
}
PARAMETER_SCHEMA: dict[str, pl.DataType] = {
    "model": pl.String(),
    "parameter": pl.String(),
    "estimate": pl.Float64(),
    "standard_error": pl.Float64(),
    "log_likelihood": pl.Float64(),
    "customer_count": pl.Int64(),
}


@dataclass(frozen=True)
class Terms:
    """What turns revenue to come into today's margin.

    Attributes:
        gross_margin_share: Share of revenue that is margin, 0 to 1.
        annual_discount_share: What money of a year from now is worth less: 1 / (1 + share) of today's.
    """

    gross_margin_share: float
    annual_discount_share: float

    def __post_init__(self) -> None:
        """Refuse what is no share.

        Raises:
            ValueError: One of them is below 0, or the margin above 1.
        """
        if not 0 <= self.gross_margin_share <= 1:
            raise ValueError(f"gross_margin_share must be between 0 and 1, not {self.gross_margin_share}")
        if self.annual_discount_share < 0:
            raise ValueError(f"annual_discount_share must not be below 0, not {self.annual_discount_share}")

    def factor(self, days: FloatArray) -> FloatArray:
        """What 1 in that many days is worth today."""
        return np.asarray((1 + self.annual_discount_share) ** (-days / 365), dtype=np.float64)

    def mean_factor(self, begin_days: FloatArray, end_days: FloatArray) -> FloatArray:
        """What 1 is worth that comes at any time of a span alike; spans of some length, shape (k,) each."""
        rate = np.log1p(self.annual_discount_share) / 365
        if rate == 0:
            return np.ones(len(begin_days))
        return np.asarray(
            (np.exp(-rate * begin_days) - np.exp(-rate * end_days)) / (rate * (end_days - begin_days))
        )


def value_rows(
    customer_ids: pl.Series,
    horizon_days: int,
    statuses: pl.Series,
    model: str,
    probability_alive: FloatArray,
    expected_purchases: FloatArray,
    amounts: FloatArray,
) -> pl.DataFrame:
    """Rows in `VALUE_SCHEMA` of one horizon.

    Args:
        customer_ids: Customers.
        horizon_days: The horizon.
        statuses: Status of each.
        model: The model behind all.
        probability_alive: Chance that each is a customer still, shape (n,).
        expected_purchases: Of each in the horizon, shape (n,).
        amounts: In the order of `AMOUNTS`, shape (8, n).
    """
    return pl.DataFrame(
        {
            "customer_id": customer_ids,
            "horizon_days": pl.repeat(horizon_days, len(customer_ids), dtype=pl.Int64, eager=True),
            "status": statuses,
            "model": pl.repeat(model, len(customer_ids), dtype=pl.String, eager=True),
            "probability_alive": probability_alive,
            "expected_purchases": expected_purchases,
            **{name: pl.Series(values).round(2) for name, values in zip(AMOUNTS, amounts, strict=True)},
            **{name: pl.repeat(None, len(customer_ids), dtype=MONEY, eager=True) for name in STAKES},
        }
    ).cast(VALUE_SCHEMA)  # type: ignore[arg-type]


def with_stake(rows: pl.DataFrame, at_stake: FloatArray, churn_probability: FloatArray) -> pl.DataFrame:
    """Rows of `value_rows` with what leaving would forfeit; the amount at risk is null where the risk is NaN."""
    stake = pl.Series("value_at_stake_amount", at_stake).round(2)
    at_risk = pl.Series("value_at_risk_amount", at_stake * churn_probability).fill_nan(None).round(2)
    return rows.with_columns(stake.cast(MONEY), at_risk.cast(MONEY))


def parameter_rows(rows: Iterable[tuple[str, str, float, float, float | None, int]]) -> pl.DataFrame:
    """Parameter rows; an error that does not exist (NaN in the models) is null in a table."""
    frame = pl.DataFrame(list(rows), schema=PARAMETER_SCHEMA, orient="row")
    return frame.with_columns(pl.col("standard_error").fill_nan(None))


def no_values() -> tuple[pl.DataFrame, pl.DataFrame]:
    """No rows of values and of parameters."""
    return pl.DataFrame(schema=VALUE_SCHEMA), pl.DataFrame(schema=PARAMETER_SCHEMA)
