import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory
from dagster_project.value.survival import MONTH_DAYS, SubscriberSurvival

SHAPE, SCALE = 0.8, 500.0


def true_survival(days: npt.ArrayLike) -> FloatArray:
    return np.exp(-((np.asarray(days, dtype=np.float64) / SCALE) ** SHAPE))


def simulated_tenures(customer_count: int, seed: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Weibull lifetimes of subscribers who began on any day of the last four years."""
    rng = np.random.default_rng(seed)
    lifetime = np.ceil(SCALE * rng.weibull(SHAPE, customer_count))
    seen = rng.integers(1, 4 * 365, customer_count)
    return np.minimum(lifetime, seen).astype(np.float64), lifetime <= seen


def test_curve_recovers_the_survival_of_simulated_subscribers() -> None:
    model = SubscriberSurvival().fit(*simulated_tenures(5000, seed=1))
    for day in (30, 90, 180, 365, 730, 1095):
        error = model.standard_error(day)
        assert 0 < error < 0.03
        assert abs(model.survival(day) - true_survival(day)) < 3.5 * error + 0.002  # ceil: half a day


def test_standard_errors_are_the_spread_of_curves_over_repeated_samples() -> None:
    models = [SubscriberSurvival().fit(*simulated_tenures(400, seed)) for seed in range(80)]
    for day in (90, 365, 730):
        spread = np.std([float(model.survival(day)) for model in models], ddof=1)
        assert spread == pytest.approx(np.mean([model.standard_error(day) for model in models]), rel=0.3)


def test_conditional_survival_recovers_the_chance_to_stay_another_year() -> None:
    model = SubscriberSurvival().fit(*simulated_tenures(20_000, seed=2))
    tenures = np.array([0.0, 30.0, 200.0, 700.0])
    expected = true_survival(tenures + 365) / true_survival(tenures)
    assert model.conditional_survival(tenures, 365) == pytest.approx(expected, abs=0.03)


def test_expected_months_are_the_months_that_simulated_subscribers_stay() -> None:
    model = SubscriberSurvival().fit(*simulated_tenures(20_000, seed=3))
    rng = np.random.default_rng(9)
    lifetime = SCALE * rng.weibull(SHAPE, 200_000)
    for tenure in (0.0, 100.0, 600.0):
        months_stayed = np.floor((lifetime[lifetime > tenure] - tenure) / MONTH_DAYS).clip(0, 12)
        assert model.expected_months([tenure])[0] == pytest.approx(months_stayed.mean(), abs=0.2)


def test_a_textbook_example_by_hand() -> None:
    # At risk 6, 5, 3, 1 at the endings on day 6, 7, 10 and 16; censored on day 9 and 13.
    model = SubscriberSurvival(min_at_risk=1).fit(
        [6, 7, 9, 10, 13, 16], [True, True, False, True, False, True]
    )
    assert model.days_.tolist() == [6, 7, 10, 16]
    assert model.survival_ == pytest.approx([5 / 6, 4 / 6, 4 / 6 * 2 / 3, 0])
    assert model.survival([0, 5.9, 6, 8, 12]) == pytest.approx([1, 1, 5 / 6, 4 / 6, 4 / 9])
    assert model.standard_error(6) == pytest.approx(np.sqrt(5 / 6 * 1 / 6 / 6))


def test_tail_continues_with_the_hazard_of_the_last_observed_year() -> None:
    rng = np.random.default_rng(4)
    hazard = 0.001
    lifetime = rng.exponential(1 / hazard, 20_000)
    seen = rng.uniform(0, 800, 20_000)
    model = SubscriberSurvival().fit(np.minimum(lifetime, seen), lifetime <= seen)
    assert model.last_day_ < 800
    assert model.tail_hazard_ == pytest.approx(hazard, rel=0.1)
    far = model.last_day_ + 1000
    assert model.conditional_survival(far, 365) == pytest.approx(np.exp(-model.tail_hazard_ * 365))
    assert np.isnan(model.standard_error(far))


def test_nobody_left_yet_is_not_nobody_ever_leaves() -> None:
    model = SubscriberSurvival().fit(np.full(100, 365), np.zeros(100, dtype=bool))
    assert model.tail_hazard_ == pytest.approx(0.5 / 36_500)
    assert model.conditional_survival(365, 365) == pytest.approx(np.exp(-0.5 / 100))
    assert 11.9 < model.expected_months([365])[0] < 12


def test_a_year_without_an_ending_still_has_a_tail() -> None:
    tenures = np.concatenate([[5.0, 6.0], np.full(100, 900.0)])
    model = SubscriberSurvival().fit(tenures, tenures < 10)
    assert model.tail_hazard_ == pytest.approx(0.5 / (100 * 365))


def test_a_handful_of_subscribers_has_one_constant_hazard() -> None:
    model = SubscriberSurvival().fit([100, 200, 300, 400], [True, False, False, True])
    assert model.days_.size == 0
    assert model.survival(365) == pytest.approx(np.exp(-365 * 2 / 1000))
    assert np.isnan(model.standard_error(30))


def test_one_who_outlives_everybody_seen_still_has_a_future() -> None:
    model = SubscriberSurvival().fit(np.full(30, 50.0), np.ones(30, dtype=bool))
    assert model.survival(50) == 0
    stays = float(model.conditional_survival(60, 30))
    assert 0 < stays < 1


def test_tenures_of_zero_days_are_allowed() -> None:
    model = SubscriberSurvival().fit(np.zeros(20), np.arange(20) < 5)
    assert 0 <= float(model.conditional_survival(0, 365)) <= 1


@settings(max_examples=80, deadline=None)
@given(
    subscribers=st.lists(st.tuples(st.integers(0, 900), st.booleans()), min_size=1, max_size=60),
    tenure=st.integers(0, 1500),
)
def test_survival_falls_from_one_and_stays_a_probability(
    subscribers: list[tuple[int, bool]], tenure: int
) -> None:
    days, ended = zip(*subscribers, strict=True)
    model = SubscriberSurvival().fit(days, ended)
    curve = model.survival(np.arange(0, 2000, 7))
    assert np.all((curve >= 0) & (curve <= 1))
    assert np.all(np.diff(curve) <= 0)
    conditional = model.conditional_survival(tenure, np.arange(0, 800, 10))
    assert conditional[0] == 1
    assert np.all((conditional >= 0) & (conditional <= 1))
    assert np.all(np.diff(conditional) <= 1e-12)


def test_no_subscriber_and_impossible_tenures_are_refused() -> None:
    with pytest.raises(NotEnoughHistory, match="there is none"):
        SubscriberSurvival().fit([], [])
    with pytest.raises(ValueError, match="not negative"):
        SubscriberSurvival().fit([-1], [True])


def test_old_subscribers_who_were_found_alive_do_not_make_everybody_look_loyal():
    rng = np.random.default_rng(11)
    began = rng.uniform(-3000, 700, 60_000)  # days before and after the data begins, which run to day 700
    lifetime = rng.exponential(400, began.size)
    is_seen = began + lifetime > 0  # who had left before the data begins is not in it
    began, lifetime = began[is_seen], lifetime[is_seen]
    tenure = np.minimum(lifetime, 700 - began)
    unseen = np.maximum(-began, 0)
    days = np.array([90, 365, 700])
    truth = np.exp(-days / 400)
    model = SubscriberSurvival().fit(tenure, lifetime <= tenure, unseen)
    naive = SubscriberSurvival().fit(tenure, lifetime <= tenure)
    errors = np.array([model.standard_error(day) for day in days])
    assert np.all(np.abs(model.survival(days) - truth) < 3.5 * errors)
    assert np.all(naive.survival(days) - truth > 3.5 * errors)
