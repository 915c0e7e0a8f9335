"""What several treatments change, per kind of customer, where the data choose the kinds.

Here: the hierarchical model of a randomised experiment and its posterior. Not here: tables with names
(`offer_effects.py`) and money (`recommend.py`).
"""

import itertools
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from threadpoolctl import threadpool_limits

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SPREADS = (0.5, 1.0, 1.5)
"""Standard deviations of the log hazard ratios that are weighed by the evidence; the widest is what bounds are made
with."""
NUMERIC_SPREADS = (0.02, 0.05, 0.15)
"""The same of differences of a numeric outcome, in standard deviations of the outcome."""
SHARED_BY_ALL, SHARED_BY_TRAIT, OF_ONE_KIND = 0.1, 0.2, 0.7
"""How the prior variance of an effect is made up: what it is everywhere, what kinds with a trait in common share, and
what one kind has alone. Most of it is of one kind: what wakes up some puts others off."""
COMMON_TO_TREATMENTS, COMMON_TO_DOSES = 0.3, 0.4
"""Share of the variance that all treatments have in common (any letter may wake a sleeper), and that doses of one
treatment have in common, the more the nearer they are."""
DOSE_REACH = 0.7
"""Logarithm of the factor between two doses at which they have 0.6 of that in common."""
LEVEL_SPREAD = 0.4
"""How far the level of a kind may lie from what its expected outcomes say, in log hazard."""
MAXIMUM_KINDS = 60
NEGLIGIBLE = 0.003
"""Ways to make kinds that are less likely are left out."""
SMALLEST_SIDE = 0.05
"""A split leaves at least so much of the rows on either side."""
CUT_COUNT = 9


@dataclass(frozen=True)
class Split:
    """A trait: rows of one code are alike in it."""

    column: int
    cut: float | None  # None: the column is a code already


@dataclass(frozen=True)
class _Fit:
    log_evidence: float
    spread: float
    weights: FloatArray  # K^-1 f, shape (cells,)
    root: FloatArray  # root of the information of each cell
    factor: FloatArray  # Cholesky factor of 1 + root K root


@dataclass(frozen=True)
class _Kinds:
    splits: list[Split]
    codes: FloatArray  # shape (kinds, splits)
    kind: IntArray  # of each cell
    treatment: IntArray  # of each cell
    fits: list[_Fit]
    log_evidence_without: float  # were there levels alone

    @property
    def log_evidence(self) -> float:
        """How much more likely effects make the outcomes; how well the levels fit is not what kinds are chosen by."""
        return float(np.logaddexp.reduce([fit.log_evidence for fit in self.fits])) - self.log_evidence_without


class TreatmentEffects:
    """Gaussian-process model of treatment effects over kinds of customers and treatments.

    A row of kind s under treatment a has the log hazard (or mean, where outcomes are numbers) expected without
    treatment plus level[s] plus, but in the control, effect[a, s]. Levels and effects are normal around 0. Two effects
    covary by what their kinds have in common (everything, a trait, the kind itself) times what the treatments have in
    common (being a treatment, neighbouring doses, themselves): so few outcomes are drawn towards the same offer
    elsewhere, and that towards doing nothing (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning,
    chapters 3 and 5). All treatments of a kind are compared with one control, whose noise is in the errors of all
    (Dunnett 1955).

    Outcomes of 0 and 1 are grouped survival data: P(1) = 1 - exp(-exp(log hazard)) (Prentice and Gloeckler 1978).
    Within a kind rows keep their own expected hazard H: a row of 0 adds the exposure H, one of 1 what it lived through
    on average until it happened, 1 - H / (exp(H) - 1), so that the score at no effect is exact; the counts are then
    Poisson. The posterior is normal around its mode (Laplace); spreads are averaged by their evidence.

    Kinds are chosen by the data. Categories make kinds as they are; of the numbers the one is added whose cut at a
    quantile raises the evidence most, then the next while it rises. Where the cut lies is averaged over, by evidence.

    Attributes:
        kinds_: Ways to make kinds that are not negligible.
        weights_: Their posterior weights.
        splits_: The most likely one.
    """

    def __init__(self, treatment_names: list[str], *, numeric_outcome: bool = False) -> None:
        self.treatment_names = treatment_names
        self.numeric_outcome = numeric_outcome

    def fit(
        self,
        traits: FloatArray,
        is_category: list[bool],
        treatment: IntArray,
        outcome: FloatArray,
        expected: FloatArray,
        weight: FloatArray,
    ) -> Self:
        """Fit to the rows of an experiment.

        Args:
            traits: Codes of categories and numbers, shape (rows, columns); numbers may be nan, which is below any cut.
            is_category: Which columns are codes, shape (columns,).
            treatment: 0 for the control, 1, 2, ... in the order of the names, shape (rows,).
            outcome: 0 or 1, or numbers, shape (rows,).
            expected: Hazard (or mean) without treatment, shape (rows,).
            weight: One over the chance of being drawn, shape (rows,). A cell counts for the effective number of its
                rows, (sum w)^2 / sum w^2 (Kish), so that the weights do not pass for more rows than they are worth.

        Returns:
            The fitted model.
        """
        self._sums = _row_sums(outcome, expected, numeric=self.numeric_outcome)
        self._weight = weight
        self._noise = 1.0
        if self.numeric_outcome:
            self._noise = max(float(np.var(outcome - expected)), 1e-12)
        self._treatment = treatment
        self._shared = treatment_covariance(self.treatment_names)
        categories = [Split(column, None) for column, category in enumerate(is_category) if category]
        numbers = {
            column: [Split(column, cut) for cut in _cuts(traits[:, column])]
            for column, category in enumerate(is_category)
            if not category
        }
        # Threads cost more than such small matrices gain.
        with threadpool_limits(limits=1, user_api="blas"):
            kept: list[Split] = []
            for split in categories:
                if len(np.unique(_codes(traits, [*kept, split]), axis=0)) <= MAXIMUM_KINDS:
                    kept.append(split)
            found = [self._fit_kinds(traits, kept)]
            while numbers:
                tried = [self._fit_kinds(traits, [*kept, cut]) for cuts in numbers.values() for cut in cuts]
                best = max(tried, key=lambda kinds: kinds.log_evidence, default=found[0])
                if best.log_evidence <= max(kinds.log_evidence for kinds in found):
                    break
                kept = best.splits
                added = kept[-1].column
                # Cuts of the added column are weighed by their evidence; the next column builds on the best.
                found = [found[0], *(kinds for kinds in tried if kinds.splits[-1].column == added)]
                numbers.pop(added)
        evidence = np.array([kinds.log_evidence for kinds in found])
        weight = np.exp(evidence - evidence.max())
        likely = weight > NEGLIGIBLE * weight.sum()
        self.kinds_ = [kinds for kinds, keep in zip(found, likely, strict=True) if keep]
        self.weights_: FloatArray = weight[likely] / weight[likely].sum()
        self.splits_ = self.kinds_[int(self.weights_.argmax())].splits
        return self

    def predict(self, traits: FloatArray, *, widest: bool = False) -> tuple[FloatArray, FloatArray]:
        """Posterior mean and standard deviation of the effects, shape (rows, treatments) each.

        Args:
            traits: As of `fit`.
            widest: With the widest spread alone, which draws the least towards nothing.
        """
        shape = (len(traits), len(self.treatment_names))
        mean, square = np.zeros(shape), np.zeros(shape)
        for weight, kinds in zip(self.weights_, self.kinds_, strict=True):
            codes, row = _unique_rows(_codes(traits, kinds.splits))
            centre, covariance = self._posterior(kinds, codes, widest=widest)
            centre, variance = (each.reshape(len(codes), -1)[row] for each in (centre, np.diag(covariance)))
            mean += weight * centre
            square += weight * (variance + centre**2)
        return mean, np.sqrt((square - mean**2).clip(1e-12))

    def draws(self, traits: FloatArray, count: int, seed: int) -> FloatArray:
        """Draws from the joint posterior of the effects, shape (count, rows, treatments)."""
        random = np.random.default_rng(seed)
        times = random.multinomial(count, self.weights_)
        parts = []
        for drawn, kinds in zip(times, self.kinds_, strict=True):
            codes, row = _unique_rows(_codes(traits, kinds.splits))
            mean, covariance = self._posterior(kinds, codes)
            values, vectors = np.linalg.eigh(covariance)
            noise = random.standard_normal((drawn, mean.size)) * np.sqrt(values.clip(0))
            parts.append(
                (mean + noise @ vectors.T).reshape(drawn, len(codes), len(self.treatment_names))[:, row]
            )
        return np.concatenate(parts)

    def _scales(self) -> tuple[float, ...]:
        """Spreads that are tried, in the unit of the effects."""
        if self.numeric_outcome:
            return tuple(spread * self._noise**0.5 for spread in NUMERIC_SPREADS)
        return SPREADS

    def _posterior(
        self, kinds: _Kinds, codes: FloatArray, *, widest: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Joint posterior of the effects of some kinds: mean, shape (kinds * treatments,), and covariance."""
        alike = _alike(codes, kinds.codes)
        treated = np.flatnonzero(kinds.treatment > 0)
        between = np.zeros((len(codes), len(self.treatment_names), kinds.kind.size))
        between[:, :, treated] = (
            alike[:, None, kinds.kind[treated]] * self._shared[None, :, kinds.treatment[treated] - 1]
        )
        flat = between.reshape(-1, kinds.kind.size)
        prior = np.kron(_alike(codes, codes), self._shared)
        fits = kinds.fits[-1:] if widest else kinds.fits
        evidence = np.array([fit.log_evidence for fit in fits])
        weight = np.exp(evidence - evidence.max())
        weight /= weight.sum()
        means, within = [], np.zeros_like(prior)
        for share, fit in zip(weight, fits, strict=True):
            scale = fit.spread**2
            half = solve_triangular(fit.factor, fit.root[:, None] * (scale * flat).T, lower=True)
            means.append(scale * flat @ fit.weights)
            within += share * (scale * prior - half.T @ half)
        modes = np.array(means)
        centre = weight @ modes
        return centre, within + (modes - centre).T @ ((modes - centre) * weight[:, None])

    def _fit_kinds(self, traits: FloatArray, splits: list[Split]) -> _Kinds:
        """Fit all spreads for the kinds that the splits make."""
        codes, kind = _unique_rows(_codes(traits, splits))
        cell = kind * (len(self.treatment_names) + 1) + self._treatment
        used = np.flatnonzero(np.bincount(cell))
        per_row = (np.bincount(cell, self._weight) / np.bincount(cell, self._weight**2).clip(1e-300))[used]
        happened, exposure = (per_row * np.bincount(cell, self._weight * each)[used] for each in self._sums)
        kind, treatment = np.divmod(used, len(self.treatment_names) + 1)
        level = np.equal.outer(kind, kind) * 0.5 + 0.5
        treated = treatment > 0
        effect = np.zeros_like(level)
        effect[np.ix_(treated, treated)] = (
            _alike(codes, codes)[np.ix_(kind[treated], kind[treated])]
            * self._shared[np.ix_(treatment[treated] - 1, treatment[treated] - 1)]
        )
        noise = self._noise if self.numeric_outcome else None
        level = LEVEL_SPREAD**2 * self._noise * level
        without = _fit(level, happened, exposure, 0.0, noise)
        fits = [
            _fit(level + spread**2 * effect, happened, exposure, spread, noise) for spread in self._scales()
        ]
        return _Kinds(splits, codes, kind, treatment, fits, without.log_evidence)


def treatment_covariance(names: list[str]) -> FloatArray:
    """What the effects of treatments have in common; names that end in _ and a number are doses of one treatment.

    Returns:
        Correlations, shape (treatments, treatments).
    """
    parts = [name.rpartition("_") for name in names]
    shared = np.eye(len(names))
    for (one, left), (other, right) in itertools.combinations(enumerate(parts), 2):
        if left[0] == right[0] and left[2].isdigit() and right[2].isdigit():
            gap = np.log(max(int(left[2]), 1)) - np.log(max(int(right[2]), 1))
            shared[one, other] = shared[other, one] = np.exp(-(gap**2) / (2 * DOSE_REACH**2))
    own = 1 - COMMON_TO_TREATMENTS - COMMON_TO_DOSES
    return COMMON_TO_TREATMENTS + COMMON_TO_DOSES * shared + own * np.eye(len(names))


def _row_sums(outcome: FloatArray, expected: FloatArray, *, numeric: bool) -> tuple[FloatArray, FloatArray]:
    """What each row adds to its cell: what happened and its exposure; of numbers, the surplus and 1."""
    if numeric:
        return outcome - expected, np.ones_like(outcome)
    lived = 1 - expected / np.expm1(expected.clip(1e-12))
    return outcome, np.where(outcome > 0, lived, expected)


def _fit(
    covariance: FloatArray, happened: FloatArray, exposure: FloatArray, spread: float, noise: float | None
) -> _Fit:
    """Mode and evidence by Newton's steps (Rasmussen and Williams 2006, algorithm 3.1), long ones cut short."""
    mode = np.zeros(happened.size)
    for _ in range(30):
        if noise is None:
            mean = exposure * np.exp(mode.clip(-8, 8))
            information, score = mean, happened - mean
        else:
            information, score = exposure / noise, (happened - exposure * mode) / noise
        root = np.sqrt(information)
        factor = cho_factor(np.eye(mode.size) + root[:, None] * covariance * root, lower=True)
        target = information * mode + score
        weights = target - root * cho_solve(factor, root * (covariance @ target))
        step = covariance @ weights - mode
        longest = np.abs(step).max()
        mode = mode + step * (min(1.0, 2.0 / longest) if noise is None and longest > 0 else 1.0)
        if noise is not None or longest < 1e-3:
            break
    if noise is None:
        likelihood = (happened * mode - exposure * np.exp(mode.clip(-8, 8))).sum()
    else:
        likelihood = (happened * mode - exposure * mode**2 / 2).sum() / noise
    lower = np.tril(factor[0])
    evidence = likelihood - weights @ mode / 2 - np.log(np.diag(lower)).sum()
    return _Fit(float(evidence), spread, weights, root, lower)


def _alike(left: FloatArray, right: FloatArray) -> FloatArray:
    """What the effects in two kinds have in common, shape (left, right)."""
    same = left[:, None, :] == right[None, :, :]
    traits = same.mean(axis=2) if left.shape[1] else np.ones(same.shape[:2])
    return np.asarray(SHARED_BY_ALL + SHARED_BY_TRAIT * traits + OF_ONE_KIND * same.all(axis=2))


def _cuts(values: FloatArray) -> list[float]:
    """Quantiles that leave rows on both sides."""
    known = values[np.isfinite(values)]
    if not known.size:
        return []
    cuts = np.unique(np.quantile(known, np.linspace(0.1, 0.9, CUT_COUNT), method="nearest"))
    above = (known[:, None] > cuts).mean(axis=0)
    return [float(cut) for cut in cuts[(above >= SMALLEST_SIDE) & (above <= 1 - SMALLEST_SIDE)]]


def _unique_rows(codes: FloatArray) -> tuple[FloatArray, IntArray]:
    kinds, row = np.unique(codes, axis=0, return_inverse=True)
    return kinds, row.ravel()


def _codes(traits: FloatArray, splits: list[Split]) -> FloatArray:
    columns = [
        traits[:, split.column] if split.cut is None else (traits[:, split.column] > split.cut).astype(float)
        for split in splits
    ]
    return np.column_stack(columns) if columns else np.zeros((len(traits), 0))
