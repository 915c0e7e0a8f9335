"""What a policy would have been worth, from outcomes of an experiment that did not choose it.

Here: estimates for any policy with intervals, and the contest of policies. Not here: the effects (`offer_effects.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.incentives.offer_effects import OfferEffects

FloatArray = npt.NDArray[np.float64]

LEAST_EFFECTIVE_ROWS = 50.0
NORMAL_95 = 1.96


@dataclass(frozen=True)
class Estimate:
    """A mean outcome per row with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PolicyValue:
    """Mean outcome per row under a policy, by three estimators."""

    weighted: Estimate
    self_normalised: Estimate
    doubly_robust: Estimate
    effective_rows: float


def policy_value(
    X: pl.DataFrame,  # noqa: N803
    treatment: pl.Series,
    outcome: pl.Series,
    propensity: pl.Series,
    policy: pl.Series,
    control: str = "no_offer",
    folds: int = 3,
) -> PolicyValue:
    """Mean outcome per row, had the policy chosen every arm.

    Inverse propensity weighting (Horvitz and Thompson 1952), its self-normalised form (Hajek 1971), and doubly robust
    (Dudik, Langford and Li 2011), whose predictions for each fold are learned from the others. The interval is honest
    only where these rows did not choose the policy.

    Args:
        X: What was known of each row, as of `OfferEffects.fit`.
        treatment: Arm that was drawn.
        outcome: Any number.
        propensity: Chance of the drawn arm.
        policy: Arm that the policy chooses for each row.
        control: Name of the arm without treatment.
        folds: Parts that predictions are learned across.

    Raises:
        ValueError: When the rows where policy and experiment agree are worth fewer than 50 (Kish's effective number).
    """
    happened, chance = outcome.cast(pl.Float64).to_numpy(), propensity.cast(pl.Float64).to_numpy()
    agrees = (treatment == policy).to_numpy()
    weight = np.where(agrees, 1 / chance, 0.0)
    effective = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300))
    if effective < LEAST_EFFECTIVE_ROWS:
        message = (
            f"policy and experiment agree in {agrees.sum()} rows, worth {effective:.0f}: at least "
            f"{LEAST_EFFECTIVE_ROWS:.0f} are needed"
        )
        raise ValueError(message)
    rows = len(happened)
    mean = float((weight * happened).sum() / weight.sum())
    fold = np.random.default_rng(0).permutation(rows) % folds
    foreseen = np.empty(rows)
    for part in range(folds):
        learn, judge = fold != part, fold == part
        model = OfferEffects(control).fit(
            X.filter(learn), treatment.filter(learn), outcome.filter(learn), propensity.filter(learn)
        )
        foreseen[judge] = _foreseen(model, X.filter(judge), policy.filter(judge))
    return PolicyValue(
        weighted=_estimate(weight * happened),
        self_normalised=_estimate(mean + weight / weight.mean() * (happened - mean)),
        doubly_robust=_estimate(foreseen + weight * (happened - foreseen)),
        effective_rows=effective,
    )


@dataclass(frozen=True)
class Contest:
    """Policies and their out-of-sample values per row, and which one won."""

    winner: str
    values: dict[str, Estimate]
    best_single: str


def contest(
    X: pl.DataFrame,  # noqa: N803
    treatment: pl.Series,
    outcome: pl.Series,
    propensity: pl.Series,
    costs: dict[str, float] | None = None,
    control: str = "no_offer",
    folds: int = 3,
) -> Contest:
    """No treatment, one for everybody, or each row's own: by value out of sample, where more of the outcome is better.

    Each fold is judged by what the others taught. A more complicated policy must beat the simpler one by more than
    chance: the 95 % interval of their difference, row by row, lies above 0.

    Args:
        X: As of `OfferEffects.fit`, as are `treatment`, `outcome`, `propensity` and `control`.
        treatment: See there.
        outcome: See there.
        propensity: See there.
        costs: Cost of each treatment in units of the outcome; 0 where it is not named.
        control: See there.
        folds: Parts.

    Returns:
        `winner` is `none`, `one for all` or `personal`; the values are differences from no treatment, net of costs.
    """
    happened, chance = outcome.cast(pl.Float64).to_numpy(), propensity.cast(pl.Float64).to_numpy()
    names = sorted(set(treatment.to_list()) - {control})
    price = np.array([(costs or {}).get(name, 0.0) for name in names])
    arm = treatment.replace_strict([control, *names], range(len(names) + 1)).to_numpy()
    rows = len(arm)
    fold = np.random.default_rng(0).permutation(rows) % folds
    gain = {"one for all": np.zeros(rows), "personal": np.zeros(rows)}
    singles = np.zeros(len(names))
    for part in range(folds):
        learn, judge = fold != part, np.flatnonzero(fold == part)
        model = OfferEffects(control).fit(
            X.filter(learn), treatment.filter(learn), outcome.filter(learn), propensity.filter(learn)
        )
        effect = model.predict_effect(X[judge])["effect"].to_numpy().reshape(judge.size, -1)
        base = model.expected(X[judge])
        base = base if model.is_numeric_ else -np.expm1(-base)
        foreseen = np.column_stack([base, base[:, None] + effect])
        drawn = arm[judge]
        surplus = (happened[judge] - foreseen[np.arange(judge.size), drawn]) / chance[judge]
        score = foreseen + surplus[:, None] * (drawn[:, None] == np.arange(len(names) + 1))
        score = np.column_stack([np.zeros(judge.size), score[:, 1:] - score[:, :1] - price])
        net = effect - price
        single = net.mean(axis=0)
        singles += single
        gain["one for all"][judge] = score[:, 1 + single.argmax()]
        own = np.where(net.max(axis=1) > 0, 1 + net.argmax(axis=1), 0)
        gain["personal"][judge] = score[np.arange(judge.size), own]
    winner, best = "none", np.zeros(rows)
    for name, values in gain.items():
        if _estimate(values - best).low > 0:
            winner, best = name, values
    found = {"none": Estimate(0.0, 0.0, 0.0), **{name: _estimate(each) for name, each in gain.items()}}
    return Contest(winner, found, names[int(singles.argmax())])


def _estimate(rows: FloatArray) -> Estimate:
    value, error = float(rows.mean()), float(rows.std() / len(rows) ** 0.5)
    return Estimate(value, value - NORMAL_95 * error, value + NORMAL_95 * error)


def _foreseen(model: OfferEffects, X: pl.DataFrame, policy: pl.Series) -> FloatArray:  # noqa: N803
    base = model.expected(X)
    base = base if model.is_numeric_ else -np.expm1(-base)
    effect = model.predict_effect(X)["effect"].to_numpy().reshape(X.height, -1)
    every = np.column_stack([base, base[:, None] + effect])
    chosen = policy.replace_strict([model.control, *model.treatments_], range(every.shape[1])).to_numpy()
    return np.asarray(every[np.arange(X.height), chosen])
