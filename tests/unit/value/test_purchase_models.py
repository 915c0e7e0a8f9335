"""What the three models of repeat purchases promise alike, on customers that were simulated by their own stories."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import hyp2f1, loggamma

from dagster_project.value import maximum_likelihood
from dagster_project.value.bg_nbd import BetaGeoModel
from dagster_project.value.gamma_gamma import GammaGammaModel
from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory
from dagster_project.value.pareto_nbd import ParetoModel, _log_likelihood
from dagster_project.value.purchase_histories import compressed

Model = BetaGeoModel | ParetoModel
HORIZON_WEEKS = 52.0
TRUTHS: dict[str, dict[str, float]] = {
    "bg_nbd": {"r": 0.6, "alpha": 6.0, "a": 0.8, "b": 2.5},
    "mbg_nbd": {"r": 0.9, "alpha": 7.0, "a": 0.7, "b": 2.0},
    "pareto_nbd": {"r": 0.8, "alpha": 9.0, "s": 0.7, "beta": 14.0},
}
SPEND = {"p": 6.0, "q": 4.0, "v": 15.0}


def unfitted(name: str) -> Model:
    return ParetoModel() if name == "pareto_nbd" else BetaGeoModel(may_leave_at_once=name == "mbg_nbd")


def with_truth(name: str) -> Model:
    model = unfitted(name)
    for parameter, value in TRUTHS[name].items():
        setattr(model, f"{parameter}_", value)
    return model


class Population:
    """Customers who buy one purchase after the other until they leave, seen up to a day and beyond it."""

    def __init__(self, name: str, customer_count: int, seed: int) -> None:
        truth, rng = TRUTHS[name], np.random.default_rng(seed)
        rate = rng.gamma(truth["r"], 1 / truth["alpha"], customer_count)
        self.age = rng.integers(10 * 7, 90 * 7, customer_count) / 7
        self.x, self.t_x = np.zeros(customer_count), np.zeros(customer_count)
        self.future, self.next_week = np.zeros(customer_count), np.full(customer_count, np.inf)
        left_at = np.full(customer_count, np.inf)
        leave = np.zeros(customer_count)
        if name == "pareto_nbd":
            left_at = rng.exponential(1 / rng.gamma(truth["s"], 1 / truth["beta"], customer_count))
        else:
            leave = rng.beta(truth["a"], truth["b"], customer_count)
        if name == "mbg_nbd":
            left_at[rng.random(customer_count) < leave] = 0
        clock = np.zeros(customer_count)
        while (clock <= np.minimum(self.age + HORIZON_WEEKS, left_at)).any():
            clock = clock + rng.exponential(1 / rate)
            buys = clock <= np.minimum(self.age + HORIZON_WEEKS, left_at)
            is_seen = buys & (clock <= self.age)
            self.x += is_seen
            self.t_x = np.where(is_seen, clock, self.t_x)
            self.next_week = np.where(buys & ~is_seen & (self.future == 0), clock - self.age, self.next_week)
            self.future += buys & ~is_seen
            left_at = np.where(buys & (rng.random(customer_count) < leave), clock, left_at)
        self.is_alive = left_at > self.age
        nu = rng.gamma(SPEND["q"], 1 / SPEND["v"], customer_count)
        self.average = np.where(self.x > 0, rng.gamma(SPEND["p"] * self.x) / nu / np.maximum(self.x, 1), 0.0)
        self.future_spend = rng.gamma(SPEND["p"] * self.future) / nu
        self.next_spend = rng.gamma(SPEND["p"], size=customer_count) / nu

    @property
    def histories(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        return self.x, self.t_x, self.age


@pytest.fixture(scope="module", params=list(TRUTHS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def population(name: str) -> Population:
    return Population(name, 30_000, seed=29)


@pytest.fixture(scope="module")
def fitted(name: str, population: Population) -> Model:
    return unfitted(name).fit(*population.histories)


def spend_model() -> GammaGammaModel:
    model = GammaGammaModel()
    model.p_, model.q_, model.v_ = SPEND["p"], SPEND["q"], SPEND["v"]
    return model


def groups_of(values: FloatArray) -> Iterator[np.ndarray]:
    return iter(np.array_split(np.argsort(values, kind="stable"), 10))


def test_planted_parameters_are_found_within_two_standard_errors(name: str, fitted: Model) -> None:
    assert fitted.is_converged_
    for parameter, planted in TRUTHS[name].items():
        error = fitted.standard_errors_[parameter]
        assert 0 < error < 0.25 * planted
        assert abs(getattr(fitted, f"{parameter}_") - planted) < 2 * error, parameter


def test_who_is_alive_is_so_as_often_as_said(population: Population, fitted: Model) -> None:
    probability = fitted.probability_alive(*population.histories)
    for group in groups_of(probability):
        assert np.mean(population.is_alive[group]) == pytest.approx(np.mean(probability[group]), abs=0.04)


def test_expected_purchases_are_those_that_follow(population: Population, fitted: Model) -> None:
    expected = fitted.expected_purchases(HORIZON_WEEKS, *population.histories)
    assert expected.sum() == pytest.approx(population.future.sum(), rel=0.05)
    for group in groups_of(expected):
        noise = np.std(population.future[group]) / np.sqrt(len(group))
        assert abs(np.mean(population.future[group]) - np.mean(expected[group])) < 4 * noise + 0.05


def test_a_purchase_follows_as_often_as_said(population: Population, fitted: Model) -> None:
    for weeks in (4.0, 26.0, HORIZON_WEEKS):
        probability = fitted.purchase_probability(weeks, *population.histories)
        for group in groups_of(probability):
            follows = np.mean(population.next_week[group] <= weeks)
            assert follows == pytest.approx(np.mean(probability[group]), abs=0.04)


def test_simulated_futures_have_the_mean_of_the_closed_form(
    name: str, population: Population, fitted: Model
) -> None:
    histories = [values[:400] for values in population.histories]
    ends = np.array([13.0, 52.0, 156.0])
    draws = fitted.simulate_purchases(np.random.default_rng(7), ends, 2000, *histories)
    assert draws.shape == (400, 2000, 3)
    assert np.all((draws >= 0) & (draws == np.floor(draws)))
    for place, weeks in enumerate(ends):
        counts = draws[:, :, : place + 1].sum(axis=2)
        closed = fitted.expected_purchases(float(weeks), *histories)
        noise = np.maximum(counts.std(axis=1) / np.sqrt(2000), 0.003)
        errors = (counts.mean(axis=1) - closed) / noise  # standard normal when the two agree
        assert abs(errors.mean()) < 0.25
        assert errors.std() < 1.2
        assert counts.mean() == pytest.approx(closed.mean(), rel=0.02)
        none = np.mean(counts == 0, axis=1)
        assert 1 - none == pytest.approx(fitted.purchase_probability(float(weeks), *histories), abs=0.06)


def test_simulated_spend_has_the_mean_of_the_closed_form_and_covers_what_follows(
    population: Population, fitted: Model
) -> None:
    rows = slice(0, 3000)
    histories = [values[rows] for values in population.histories]
    known = (population.x[rows], population.average[rows])
    model, random = spend_model(), np.random.default_rng(3)
    counts = fitted.simulate_purchases(random, np.array([HORIZON_WEEKS]), 500, *histories)
    spend = model.simulate_spend(random, counts, *known)[:, :, 0]
    closed = fitted.expected_purchases(HORIZON_WEEKS, *histories) * model.expected_spend(*known)
    assert spend.mean() == pytest.approx(closed.mean(), rel=0.02)
    low, high = np.quantile(spend, [0.05, 0.95], axis=1)
    is_inside = (population.future_spend[rows] >= low) & (population.future_spend[rows] <= high)
    assert 0.85 <= np.mean(is_inside) <= 0.97
    purchases_low, purchases_high = np.quantile(counts[:, :, 0], [0.05, 0.95], axis=1)
    is_inside = (population.future[rows] >= purchases_low) & (population.future[rows] <= purchases_high)
    assert 0.85 <= np.mean(is_inside) <= 0.97


def test_the_next_purchase_stays_below_its_quantile_as_often_as_said(population: Population) -> None:
    repeaters = population.x > 0
    for share in (0.1, 0.5, 0.9):
        limit = spend_model().spend_quantile(share, population.x, population.average)
        for group in (repeaters, ~repeaters):
            assert np.mean(population.next_spend[group] < limit[group]) == pytest.approx(share, abs=0.015)


def test_the_same_seed_draws_the_same_futures(population: Population, fitted: Model) -> None:
    histories = [values[:50] for values in population.histories]
    ends = np.array([13.0, 52.0])
    first, second = (
        fitted.simulate_purchases(np.random.default_rng(5), ends, 20, *histories) for _ in range(2)
    )
    assert np.array_equal(first, second)


def test_the_search_that_begins_on_a_sample_ends_where_that_on_all_does(
    name: str, population: Population, fitted: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maximum_likelihood, "SEARCH_SAMPLE", 2000)
    model = unfitted(name).fit(*population.histories)
    assert model.is_converged_
    for parameter in TRUTHS[name]:
        assert getattr(model, f"{parameter}_") == pytest.approx(getattr(fitted, f"{parameter}_"), rel=1e-3)


def test_too_few_customers_are_refused_with_their_number(name: str) -> None:
    with pytest.raises(NotEnoughHistory, match="there are 30 and 30"):
        unfitted(name).fit([1] * 30, [2] * 30, [9] * 30)


@settings(max_examples=150, deadline=None)
@given(
    logs=st.tuples(st.floats(-2, 2), st.floats(-1, 4), st.floats(-2, 1.5), st.floats(-1, 4)),
    x=st.sampled_from([0.0, 1.0, 4.0, 25.0]),
    share=st.sampled_from([0.05, 0.5, 0.95]),
    age=st.sampled_from([1.0, 20.0, 150.0]),
)
def test_the_likelihood_of_pareto_nbd_is_its_hypergeometric_form(
    logs: tuple[float, float, float, float], x: float, share: float, age: float
) -> None:
    """Fader and Hardie (2005), equations 18 to 20, where these do not overflow."""
    r, alpha, s, beta = np.exp(logs)
    t_x = share * age if x else 0.0
    larger, power = max(alpha, beta), s + 1 if alpha >= beta else r + x
    order = r + s + x

    def term(u: float) -> float:
        return float(
            hyp2f1(order, power, order + 1, abs(alpha - beta) / (larger + u)) / (larger + u) ** order
        )

    alive = 1 / ((alpha + age) ** (r + x) * (beta + age) ** s)
    closed = loggamma(r + x) - loggamma(r) + r * logs[1] + s * logs[3]
    closed += np.log(alive + s / order * (term(t_x) - term(age)))
    ours, _ = _log_likelihood(np.array(logs), np.array([[x, t_x, age]]), np.ones(1))
    assert ours == pytest.approx(float(closed.real), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    logs=st.tuples(st.floats(-2, 2), st.floats(-1, 4), st.floats(-2, 1.5), st.floats(-1, 4)),
    x=st.sampled_from([0.0, 3.0, 900.0]),
)
def test_the_gradient_of_pareto_nbd_is_the_slope_of_its_likelihood(
    logs: tuple[float, float, float, float], x: float
) -> None:
    history = np.array([[x, 30.0 if x else 0.0, 80.0], [2.0, 80.0, 80.0]])
    point, weights = np.array(logs), np.array([3.0, 1.0])
    _, gradient = _log_likelihood(point, history, weights)
    slopes = [
        (
            _log_likelihood(point + step, history, weights)[0]
            - _log_likelihood(point - step, history, weights)[0]
        )
        / 2e-5
        for step in np.eye(4) * 1e-5
    ]
    assert gradient == pytest.approx(slopes, rel=1e-4, abs=1e-4 * (1 + x))


@pytest.mark.parametrize("s", [0.4, 1.0, 1 + 1e-7, 3.0])
def test_expected_purchases_of_pareto_nbd_are_the_integral_over_time(s: float) -> None:
    model = with_truth("pareto_nbd")
    assert isinstance(model, ParetoModel)
    model.s_ = s
    x, age = 4.0, 40.0

    def rate_at(u: float) -> float:
        stays = ((model.beta_ + age) / (model.beta_ + age + u)) ** s
        return (model.r_ + x) / (model.alpha_ + age) * float(stays)

    alive = model.probability_alive([x], [20.0], [age])[0]
    expected = model.expected_purchases(52, [x], [20.0], [age])[0]
    assert expected == pytest.approx(alive * quad(rate_at, 0, 52)[0], rel=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(3, 5)), max_size=40))
def test_compressed_histories_give_back_every_customer(rows: list[tuple[int, int, int]]) -> None:
    histories = np.array(rows, dtype=np.float64).reshape(-1, 3)
    found = compressed(histories)
    assert np.array_equal(found.histories[found.places], histories)
    assert len(found.histories) == len(set(rows))
    assert found.weights.sum() == len(rows)
    backwards = compressed(histories[::-1])
    assert np.array_equal(backwards.histories, found.histories)
    assert np.array_equal(backwards.weights, found.weights)
