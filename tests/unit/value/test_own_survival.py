"""What subscribers are worth at their own risk: the arithmetic, and that it is nearer to what they pay."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from shops import LAST_DAY

from dagster_project.value.clv import score_clv
from dagster_project.value.contest import run_contest
from dagster_project.value.value_rows import Terms

MakeFeatures = Callable[..., pl.DataFrame]
CHURN_DAYS = 90


@pytest.fixture
def no_purchases() -> pl.DataFrame:
    return pl.DataFrame(schema=contract_schema("silver", "purchase_days"))


@pytest.fixture
def no_contest(no_purchases: pl.DataFrame, make_features: MakeFeatures) -> pl.DataFrame:
    return run_contest(no_purchases, make_features(1).clear(), LAST_DAY)


def of_year(values: pl.DataFrame) -> pl.DataFrame:
    return values.filter(pl.col("horizon_days") == 365)


@pytest.mark.parametrize(
    ("own_risk", "notice_days", "value", "stake"),
    [
        (0.3, None, 664.73, 714.06),  # the example of `value_subscribers`
        (0.0, None, 1200.0, 1000.0),
        (1.0, None, 0.0, 474.37),
        (0.97, 45, 118.79, 480.44),  # one month is paid for; after it, what the churn model leaves
        (0.02, 200, 600.0, 400.0),  # the notice ends later than the churn model looks
        (0.97, 0, 27.17, 480.44),
    ],
)
def test_a_subscriber_is_worth_what_the_own_risk_and_a_notice_leave(
    make_features: MakeFeatures,
    no_purchases: pl.DataFrame,
    no_contest: pl.DataFrame,
    own_risk: float,
    notice_days: int | None,
    value: float,
    stake: float,
) -> None:
    one = make_features(
        1,
        has_ever_subscribed=[True],
        is_subscriber=[True],
        subscribed_days=[400],
        mrr_amount=[100],
        is_cancel_at_period_end=[notice_days is not None],
        days_until_renewal=[20 if notice_days is None else notice_days],
    )
    churn = one.select("customer_id", churn_probability=pl.lit(own_risk))
    values, _ = score_clv(one, no_purchases, no_contest, churn, CHURN_DAYS, Terms(1.0, 0.0))
    row = of_year(values).row(0, named=True)
    assert float(row["predicted_clv_amount"]) == pytest.approx(value, abs=0.01)
    assert float(row["value_at_stake_amount"]) == pytest.approx(stake, abs=0.01)
    assert float(row["value_at_risk_amount"]) == pytest.approx(own_risk * stake, abs=0.01)


def test_own_risks_value_simulated_subscribers_better_than_one_curve_for_all(
    make_features: MakeFeatures, no_purchases: pl.DataFrame, no_contest: pl.DataFrame
) -> None:
    """Chances to leave that vary as the beta distribution does, drawn anew each quarter around the customer's own."""
    rng = np.random.default_rng(11)
    count = 4_000
    own = rng.beta(0.6, 6, count)
    left_in = rng.geometric(np.clip(own, 1e-3, 1))
    paid_months = np.minimum(3 * (left_in - 1), 12)
    people = make_features(
        count,
        has_ever_subscribed=[True] * count,
        is_subscriber=[True] * count,
        subscribed_days=rng.integers(1, 700, count).tolist(),
        mrr_amount=[100.0] * count,
    )
    leavers = people.with_columns(
        customer_id=pl.format("f{}", "customer_id"), is_subscriber=pl.lit(value=False)
    ).head(600)
    known = people.select("customer_id", churn_probability=pl.Series(own))
    found = {}
    for name, churn in (("own", known), ("all", known.clear())):
        values, _ = score_clv(
            pl.concat([people, leavers]), no_purchases, no_contest, churn, CHURN_DAYS, Terms(1.0, 0.0)
        )
        found[name] = of_year(values).filter(pl.col("status") == "scored")["expected_purchases"].to_numpy()
    assert found["own"].mean() == pytest.approx(paid_months.mean(), rel=0.07)
    assert np.corrcoef(found["own"], paid_months)[0, 1] > 0.5
    error = {name: np.mean((months - paid_months) ** 2) for name, months in found.items()}
    assert error["own"] < 0.8 * error["all"]
