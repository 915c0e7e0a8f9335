import datetime as dt

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from scipy.stats import gamma

from dagster_project.value.activity import COUNTS, FEATURES, FLOOR_DAYS, dormancy_thresholds, score_activity
from dagster_project.value.gap_rhythm import GapRhythm
from dagster_project.value.maximum_likelihood import NotEnoughHistory

OBSERVED_DAYS = 900
PLANTED = {"p": 2.5, "q": 3.0, "v": 12.0}


def rows(count: int, **columns: object) -> pl.DataFrame:
    """Rows of `activity_features`: what is not given is 0, and of the basis of purchases."""
    given_columns = {
        "customer_id": [f"c{i:04d}" for i in range(count)],
        "as_of_date": [dt.date(2026, 9, 30)] * count,
        "basis": ["purchases"] * count,
        "has_contract_ended": [False] * count,
        "trend_week_count": [13] * count,
    } | columns
    zeros = {name: [0] * count for name in FEATURES}
    return pl.DataFrame(zeros | given_columns, strict=False).select(
        pl.col(name).cast(kind) for name, kind in FEATURES.items()
    )


class Rhythms:
    """Customers with rhythms of their own, some of whom die and are never seen again; observed to one day."""

    def __init__(self, count: int, seed: int, regularity: float) -> None:
        rng = np.random.default_rng(seed)
        mean_gap = np.exp(rng.normal(np.log(12), 0.9, count)).clip(2, 120)
        self.is_dead = rng.random(count) < 0.3
        # Of who died yesterday nobody can know: here each has been dead for four of its own gaps at least.
        died = OBSERVED_DAYS - np.minimum(mean_gap * rng.uniform(4, 14, count), 600)
        end = np.where(self.is_dead, died, OBSERVED_DAYS)
        start = rng.uniform(0, 150, count)
        gaps = rng.gamma(regularity, 1, (count, 600)) * (mean_gap / regularity)[:, None]
        times = np.floor(
            start[:, None] + np.concatenate([np.zeros((count, 1)), np.cumsum(gaps, axis=1)], axis=1)
        )
        seen = times <= end[:, None]
        gap_days = np.where(seen[:, 1:], np.diff(times, axis=1), 0)  # two on one day are one day
        self.gap_counts = np.sum(gap_days > 0, axis=1).astype(np.float64)
        self.totals = gap_days.sum(axis=1)
        self.log_sums = np.log(np.maximum(gap_days, 1)).sum(axis=1)
        self.quiet_days = OBSERVED_DAYS - np.where(seen, times, -1).max(axis=1)

    def thresholds(self) -> np.ndarray:
        model = GapRhythm().fit(self.gap_counts, self.totals, self.log_sums)
        return dormancy_thresholds(model, self.gap_counts, self.totals, floor_days=1.0)

    def recall_and_false_alarms(self, thresholds: np.ndarray | float) -> tuple[float, float]:
        is_flagged = self.quiet_days > thresholds
        return float(is_flagged[self.is_dead].mean()), float(is_flagged[~self.is_dead].mean())

    def best_fixed_number(self, false_alarm_limit: float) -> float:
        """The recall of the number of days that is best in hindsight among those that keep the limit."""
        found = [self.recall_and_false_alarms(days) for days in range(1, OBSERVED_DAYS)]
        return max(recall for recall, false_alarms in found if false_alarms <= false_alarm_limit)


@pytest.mark.parametrize("regularity", [1.0, 3.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_own_rhythm_finds_the_dead_better_than_any_fixed_number_of_days(
    regularity: float, seed: int
) -> None:
    world = Rhythms(3000, seed, regularity)
    thresholds = world.thresholds()
    recall, false_alarms = world.recall_and_false_alarms(thresholds)
    assert recall >= 0.90
    assert (
        false_alarms <= 0.07
    )  # 5 of 100 gaps are longer, by construction; whole days and 2,100 customers blur it
    # At 5 false alarms in 100, exactly, on both sides.
    at_limit = np.quantile((world.quiet_days / thresholds)[~world.is_dead], 0.95, method="higher")
    recall, false_alarms = world.recall_and_false_alarms(at_limit * thresholds)
    assert false_alarms <= 0.05
    assert recall >= 0.90
    assert recall > world.best_fixed_number(0.05) + 0.05


class Gaps:
    """Gaps of customers by the story of the model."""

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        nu = rng.gamma(PLANTED["q"], 1 / PLANTED["v"], count)
        self.counts = rng.integers(0, 30, count).astype(np.float64)
        gaps = rng.gamma(PLANTED["p"], 1, (count, 30)) / nu[:, None]
        is_own = np.arange(30) < self.counts[:, None]
        self.totals = np.where(is_own, gaps, 0).sum(axis=1)
        self.log_sums = np.where(is_own, np.log(gaps), 0).sum(axis=1)
        self.next_gap = rng.gamma(PLANTED["p"], size=count) / nu


def test_planted_rhythms_are_found_within_two_standard_errors() -> None:
    world = Gaps(8000, seed=5)
    model = GapRhythm().fit(world.counts, world.totals, world.log_sums)
    assert model.is_converged_
    for name, planted in PLANTED.items():
        error = model.standard_errors_[name]
        assert 0 < error < 0.15 * planted
        assert abs(getattr(model, f"{name}_") - planted) < 2 * error


def test_gaps_longer_than_the_threshold_are_one_in_twenty() -> None:
    world = Gaps(8000, seed=3)
    model = GapRhythm()
    model.p_, model.q_, model.v_ = PLANTED["p"], PLANTED["q"], PLANTED["v"]
    thresholds = dormancy_thresholds(model, world.counts, world.totals, floor_days=0.0)
    assert np.mean(world.next_gap[world.counts > 0] > thresholds[world.counts > 0]) == pytest.approx(
        0.05, abs=0.01
    )


def test_few_gaps_are_drawn_towards_all_and_many_speak_for_themselves() -> None:
    model = GapRhythm()
    model.p_, model.q_, model.v_ = 2.0, 3.0, 40.0
    everybody, few, many = dormancy_thresholds(
        model, np.array([0.0, 1.0, 200.0]), np.array([0.0, 2.0, 400.0]), floor_days=0.0
    )
    assert many < few < everybody
    assert many == pytest.approx(gamma.ppf(0.95, 2.0, scale=1.0), rel=0.15)


def test_nobody_is_dormant_before_the_floor() -> None:
    model = GapRhythm()
    model.p_, model.q_, model.v_ = 2.0, 3.0, 4.0
    counts = np.full(50, 40.0)
    assert np.all(dormancy_thresholds(model, counts, counts, floor_days=14.0) == 14)
    with pytest.raises(NotEnoughHistory, match="not 5"):
        GapRhythm().fit(counts[:5], counts[:5], counts[:5])


@pytest.fixture
def company() -> pl.DataFrame:
    """200 buyers and 200 users with rhythms, the last of each never active, some users former, one active once."""
    rng = np.random.default_rng(6)
    days = rng.integers(3, 30, 400)
    days[[199, 399]] = 0
    days[0] = 1
    gap, recent = rng.integers(3, 40, 400), rng.integers(0, 40, 400)
    recent[:40] = 0
    return rows(
        400,
        basis=["purchases"] * 200 + ["use"] * 200,
        has_contract_ended=[i >= 380 for i in range(400)],
        activity_day_count=days.tolist(),
        activity_span_days=np.maximum(days - 1, 0) * gap,
        activity_gap_log_sum=np.maximum(days - 1, 0) * (np.log(gap) - 0.2),
        days_since_last_activity=[int(q) if d else None for d, q in zip(days, rng.integers(0, 200, 400), strict=True)],
        purchase_day_last_90_days_count=recent.tolist(),
        use_day_last_90_days_count=recent.tolist(),
    )  # fmt: skip


def test_every_customer_has_a_row_and_a_status(company: pl.DataFrame) -> None:
    scored = score_activity(company)
    assert scored.schema == contract_schema("gold", "customer_activity")
    assert scored["customer_id"].to_list() == company["customer_id"].to_list()
    assert scored.row(0, named=True)["status"] == "prior_only"
    assert scored.row(199, named=True)["status"] == "never_active"
    assert set(scored[380:]["status"]) == {"former"}
    judged = scored.filter(pl.col("status").is_in(["scored", "prior_only"]))
    assert judged.height == 379
    assert judged["is_dormant"].null_count() == 0
    assert 0 < judged["is_dormant"].sum() < judged.height
    others = scored.filter(~pl.col("status").is_in(["scored", "prior_only"]))
    for name in ("is_dormant", "dormancy_threshold_days", "usual_gap_days", "over_threshold_days"):
        assert others[name].null_count() == others.height


def test_dormant_is_who_is_quiet_beyond_the_threshold(company: pl.DataFrame) -> None:
    scored = score_activity(company).filter(pl.col("dormancy_threshold_days").is_not_null())
    over = scored["days_since_last_activity"] - scored["dormancy_threshold_days"]
    assert scored["over_threshold_days"].to_numpy() == pytest.approx(over.to_numpy())
    assert (scored["is_dormant"] == (over > 0)).all()
    for basis, floor in FLOOR_DAYS.items():
        of_basis = scored.filter(pl.col("basis") == basis)
        assert of_basis["dormancy_threshold_days"].min() >= floor
    assert (scored["usual_gap_days"] < scored["dormancy_threshold_days"]).all()


def test_levels_are_the_best_shares_of_a_basis_and_who_did_nothing_is_low(company: pl.DataFrame) -> None:
    scored = score_activity(company)
    for basis, column in (("purchases", COUNTS[2]), ("use", COUNTS[6])):
        known = scored.filter(pl.col("basis") == basis, pl.col("engagement_level").is_not_null())
        shares = dict(known.group_by("engagement_level").len().rows())
        assert shares["EXCEPTIONAL"] / known.height <= 0.05
        assert (shares["EXCEPTIONAL"] + shares["HIGH"]) / known.height <= 0.25
        assert (shares["EXCEPTIONAL"] + shares["HIGH"] + shares["MEDIUM"]) / known.height <= 0.50
        assert shares["MEDIUM"] > 0
        best = known.filter(pl.col("engagement_level") == "EXCEPTIONAL")[column].min()
        assert best > known.filter(pl.col("engagement_level") == "LOW")[column].max()
        assert set(known.filter(pl.col(column) == 0)["engagement_level"]) <= {"LOW"}
    assert set(scored.filter(pl.col("status").is_in(["former", "never_active"]))["engagement_level"]) == {
        None
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=13))
def test_the_trend_is_the_slope_of_least_squares(days_per_week: list[int]) -> None:
    """Week 0 is the last one."""
    weeks, days = np.arange(len(days_per_week)), np.array(days_per_week)
    row = score_activity(
        rows(
            1,
            trend_week_count=[len(days)],
            trend_day_count=[int(days.sum())],
            trend_weighted_day_count=[int(days @ weeks)],
            trend_squared_day_count=[int(days @ days)],
        )
    ).row(0, named=True)
    if len(days) < 4:
        assert (row["activity_trend"], row["activity_trend_standard_error"]) == (None, None)
        return
    slope, level = np.polyfit(-weeks, days, 1)
    residual = days - (level - slope * weeks)
    error = np.sqrt(residual @ residual / (len(days) - 2) / np.sum((weeks - weeks.mean()) ** 2))
    assert row["activity_trend"] == pytest.approx(slope, abs=1e-9)
    assert row["activity_trend_standard_error"] == pytest.approx(error, abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, 10])
def test_small_companies_say_that_too_little_is_known(count: int) -> None:
    scored = score_activity(rows(count, activity_day_count=[5] * count, activity_span_days=[40] * count))
    assert scored.schema == contract_schema("gold", "customer_activity")
    assert set(scored["status"]) <= {"insufficient_data"}
    assert scored["is_dormant"].null_count() == count


def test_row_order_changes_nothing(company: pl.DataFrame) -> None:
    shuffled = company.sample(fraction=1, shuffle=True, seed=2)
    assert_frame_equal(score_activity(shuffled), score_activity(company), check_exact=True)
