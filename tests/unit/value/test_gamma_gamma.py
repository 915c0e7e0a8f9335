import numpy as np
import polars as pl
import pytest

from dagster_project.value.gamma_gamma import GammaGammaModel
from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory

TRUTH = {"p": 5.0, "q": 3.5, "v": 16.0}


def simulated_spend(customer_count: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Purchase counts, average spends and true mean spends of customers under `TRUTH`."""
    rng = np.random.default_rng(seed)
    counts = 1.0 + rng.poisson(2, customer_count)
    rate = rng.gamma(TRUTH["q"], 1 / TRUTH["v"], customer_count)
    averages = rng.gamma(TRUTH["p"] * counts, 1 / (rate * counts))
    return counts, averages, TRUTH["p"] / rate


def test_fit_recovers_the_parameters_of_simulated_customers() -> None:
    counts, averages, _ = simulated_spend(10_000, seed=5)
    model = GammaGammaModel().fit(counts, averages)
    assert model.is_converged_
    for name, true_value in TRUTH.items():
        error = model.standard_errors_[name]
        assert 0 < error < 0.2 * true_value
        assert abs(getattr(model, f"{name}_") - true_value) < 3.5 * error


def test_standard_errors_are_the_spread_of_estimates_over_repeated_samples() -> None:
    models = [GammaGammaModel().fit(*simulated_spend(1500, seed)[:2]) for seed in range(40)]
    for name in TRUTH:
        estimates = np.log([getattr(model, f"{name}_") for model in models])
        relative_errors = [model.standard_errors_[name] / getattr(model, f"{name}_") for model in models]
        assert np.std(estimates, ddof=1) == pytest.approx(np.mean(relative_errors), rel=0.4)


def test_expected_spend_is_the_mean_of_the_true_spends_at_every_level() -> None:
    counts, averages, true_means = simulated_spend(40_000, seed=8)
    expected = GammaGammaModel().fit(counts, averages).expected_spend(counts, averages)
    for group in np.array_split(np.argsort(expected), 10):
        noise = np.std(true_means[group]) / np.sqrt(len(group))
        assert (
            abs(true_means[group].mean() - expected[group].mean()) < 4 * noise + 0.02 * expected[group].mean()
        )


def test_expected_spend_lies_between_the_own_average_and_the_mean_of_all() -> None:
    model = GammaGammaModel().fit(*simulated_spend(2000, seed=1)[:2])
    mean_of_all = model.p_ * model.v_ / (model.q_ - 1)
    few, many = model.expected_spend([1, 20], [5 * mean_of_all] * 2)
    assert mean_of_all < few < many < 5 * mean_of_all
    assert model.expected_spend([0], [float("nan")])[0] == pytest.approx(mean_of_all)


def test_currency_is_a_pure_scale() -> None:
    counts, averages, _ = simulated_spend(2000, seed=2)
    dollars, cents = GammaGammaModel().fit(counts, averages), GammaGammaModel().fit(counts, 100 * averages)
    assert (cents.p_, cents.q_, cents.v_) == pytest.approx(
        (dollars.p_, dollars.q_, 100 * dollars.v_), rel=1e-5
    )
    assert cents.standard_errors_["v"] == pytest.approx(100 * dollars.standard_errors_["v"], rel=1e-4)
    assert cents.log_likelihood_ == pytest.approx(dollars.log_likelihood_ - 2000 * np.log(100))


def test_customer_order_does_not_change_a_single_bit() -> None:
    some = np.column_stack(simulated_spend(1000, seed=4)[:2])
    first, second = (
        GammaGammaModel().fit(*rows.T) for rows in (some, np.random.default_rng(3).permutation(some))
    )
    assert vars(first) == vars(second)


def test_one_price_for_everybody_is_expected_again_without_errors() -> None:
    counts = np.repeat([1.0, 2.0, 5.0], 20)
    model = GammaGammaModel().fit(counts, np.full(60, 29.0))
    assert model.expected_spend(counts, np.full(60, 29.0)) == pytest.approx(29.0, rel=0.01)
    assert model.expected_spend([0], [0])[0] == pytest.approx(29.0, rel=0.01)
    assert np.all(np.isnan(list(model.standard_errors_.values())))


def test_a_tail_too_heavy_for_a_mean_still_gives_finite_values() -> None:
    rng = np.random.default_rng(6)
    averages = 10 / rng.random(3000) ** 2
    model = GammaGammaModel().fit(np.ones(3000), averages)
    assert model.q_ >= 1.05
    assert np.all(np.isfinite(model.expected_spend(np.zeros(1), np.zeros(1))))


def test_too_few_customers_are_said_to_be_too_few() -> None:
    with pytest.raises(NotEnoughHistory, match="needs 20 customers with spend; there are 19"):
        GammaGammaModel().fit(np.ones(19), np.ones(19))


@pytest.mark.parametrize(("count", "average"), [(0, 5), (1, 0), (1, -3), (1, float("inf"))])
def test_spends_that_say_nothing_are_refused(count: float, average: float) -> None:
    with pytest.raises(ValueError, match="average spend above 0"):
        GammaGammaModel().fit([count] * 30, [average] * 30)


def test_published_cdnow_estimates_are_reproduced_by_averages_over_repeat_days(
    cdnow_features: pl.DataFrame,
) -> None:
    repeaters = cdnow_features.select(
        count=pl.col("purchase_day_count") - 1,
        spend=(pl.col("gross_spend_amount") - pl.col("first_day_spend_amount")).cast(pl.Float64),
    ).filter(pl.col("count") > 0, pl.col("spend") > 0)
    counts = repeaters["count"].to_numpy()
    model = GammaGammaModel().fit(counts, repeaters["spend"].to_numpy() / counts)
    assert model.customer_count_ == 9450
    assert model.p_ == pytest.approx(6.275, rel=0.01)
    assert model.q_ == pytest.approx(3.624, rel=0.01)
    assert model.v_ == pytest.approx(14.98, rel=0.01)
