"""Any randomised experiment in a flat table: effects, policies and their values, as the page in `docs/` types them."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dagster_project.incentives.offer_effects import OfferEffects
from dagster_project.incentives.policy import contest, policy_value

PAGE = Path(__file__).resolve().parents[3] / "docs" / "any_experiment.md"


def experiment(rows: int, seed: int, *, numeric: bool = False, for_all: bool = False) -> pl.DataFrame:
    """Three arms; mail_a helps one region (or everybody), mail_b nobody. `true_a` is what mail_a truly adds."""
    random = np.random.default_rng(seed)
    region, age = random.choice(["north", "south"], rows), random.integers(18, 80, rows)
    arm = random.choice(["no_mail", "mail_a", "mail_b"], rows, p=[0.4, 0.3, 0.3])
    helped = np.full(rows, True) if for_all else region == "north"
    true = 0.12 * helped - 0.06 * ~helped
    mean = 0.2 + 0.001 * age + true * (arm == "mail_a")
    outcome = mean + random.normal(0, 0.3, rows) if numeric else (random.random(rows) < mean).astype(int)
    return pl.DataFrame(
        {
            "region": region,
            "age": pl.Series(age).replace(30, None),
            "arm": arm,
            "propensity": np.where(arm == "no_mail", 0.4, 0.3),
            "outcome": outcome,
            "true_a": true,
        }
    )


def parts(table: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series, pl.Series, pl.Series]:
    return table.select("region", "age"), table["arm"], table["outcome"], table["propensity"]


@pytest.mark.parametrize("numeric", [False, True])
def test_effects_of_several_treatments_are_found_with_their_bounds(numeric):
    inside = []
    for seed in range(6):
        table = experiment(6_000, seed, numeric=numeric)
        X, arm, outcome, propensity = parts(table)  # noqa: N806
        found = OfferEffects("no_mail").fit(X, arm, outcome, propensity).predict_effect(X)
        assert found.height == 2 * X.height
        for name, true in (("mail_a", table["true_a"].to_numpy()), ("mail_b", np.zeros(X.height))):
            rows = found.filter(treatment=name)
            assert np.abs(rows["effect"].to_numpy() - true).mean() < 0.04
            assert (rows["effect_p05"] <= rows["effect"]).all() and (
                rows["effect"] <= rows["effect_p95"]
            ).all()
            inside += [(rows["effect_p05"].to_numpy() <= true) & (true <= rows["effect_p95"].to_numpy())]
    assert np.mean(inside) > 0.75  # 0.9 is promised; arms of one table share the luck of its control


@pytest.mark.parametrize(
    ("for_all", "cost", "winner"), [(False, 0.0, "personal"), (True, 0.0, "one for all"), (True, 0.5, "none")]
)
def test_the_contest_answers_nobody_everybody_or_each_their_own(for_all, cost, winner):
    result = contest(
        *parts(experiment(9_000, 1, for_all=for_all)), {"mail_a": cost, "mail_b": cost}, "no_mail"
    )
    assert result.winner == winner
    assert result.values["none"].value == 0


def test_a_policy_is_worth_what_it_truly_earns_by_all_estimators():
    held, errors = np.zeros(3), []
    for seed in range(12):
        table = experiment(3_000, seed)
        policy = pl.Series(np.where(table["region"] == "north", "mail_a", "no_mail"))
        true = (0.2 + 0.001 * table["age"].fill_null(30) + table["true_a"].clip(0)).mean()
        value = policy_value(*parts(table), policy, "no_mail", folds=2)
        estimates = (value.weighted, value.self_normalised, value.doubly_robust)
        held += [each.low <= true <= each.high for each in estimates]
        errors.append([each.value - true for each in estimates])
        assert 700 < value.effective_rows < 1_200
    assert held.min() >= 9, held
    spread = np.std(errors, axis=0)
    assert spread[2] < 1.1 * spread[0]


def test_too_little_overlap_and_what_is_no_experiment_are_refused():
    table = experiment(400, 0)
    X, arm, outcome, propensity = parts(table)  # noqa: N806
    with pytest.raises(ValueError, match="agree in"):
        policy_value(X, arm, outcome, propensity, pl.Series(["unheard"] * 400), "no_mail")
    with pytest.raises(ValueError, match="must be rows of"):
        OfferEffects("nobody").fit(X, arm, outcome, propensity)
    with pytest.raises(ValueError, match="propensity"):
        OfferEffects("no_mail").fit(X, arm, outcome, propensity * 0)
    with pytest.raises(ValueError, match="outcome is missing"):
        OfferEffects("no_mail").fit(X, arm, outcome.cast(float).replace(1.0, None), propensity)


def test_the_page_does_what_it_says(tmp_path, monkeypatch):
    experiment(3_000, 2).drop("true_a").write_csv(tmp_path / "experiment.csv")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102
    assert isinstance(names["effects"], pl.DataFrame)
    assert names["best"].winner in {"none", "one for all", "personal"}  # type: ignore[attr-defined]
