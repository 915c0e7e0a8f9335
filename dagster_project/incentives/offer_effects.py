"""What several treatments change for each row of a flat table of a randomised experiment.

Here: names and frames, around `effect_model.py`; the pipeline and any other table go through it. Not here: what a
policy is worth (`policy.py`), and money (`recommend.py`).
"""

from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.incentives.effect_model import TreatmentEffects
from dagster_project.incentives.expected_outcome import ExpectedOutcome

FloatArray = npt.NDArray[np.float64]

BOUND = 1.645
"""Standard deviations to the 5 % and the 95 % bound."""
QUADRATURE = ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6))
"""Points and weights of a normal distribution that give its first five moments (Gauss and Hermite)."""
MOST_WORDS = 12
"""Categories of a column that are told apart: the most frequent ones."""


class OfferEffects:
    """Effect of each treatment on each row, with bounds, learned from a randomised experiment.

    An outcome of 0 and 1 is something that happens within a time (churn, a visit): treatments multiply its hazard. Of
    other numbers treatments change the mean.

    Args:
        control: Name of the arm without treatment.
        effect_columns: Columns that effects may differ by, all of X by default; what is expected without treatment is
            learned from all of X in any case. Few are better: each category multiplies the kinds of customers.

    Attributes:
        treatments_: Names of the other arms, sorted. Names that end in _ and a number are doses of one treatment.
        model_: The fitted `TreatmentEffects`.
    """

    def __init__(self, control: str, effect_columns: list[str] | None = None) -> None:
        self.control = control
        self.effect_columns = effect_columns

    def fit(
        self,
        X: pl.DataFrame,  # noqa: N803
        treatment: pl.Series,
        outcome: pl.Series,
        propensity: pl.Series,
    ) -> Self:
        """Fit to the rows of an experiment.

        Args:
            X: What was known of each row before: numbers, booleans or words; gaps are allowed.
            treatment: Name of the arm that was drawn.
            outcome: 0 and 1, booleans, or numbers; no gaps.
            propensity: Chance that the row had of being drawn for this arm, above 0 and at most 1.

        Returns:
            The fitted learner.

        Raises:
            ValueError: When there is no control or no treatment, an outcome is missing, or a chance is not one.
        """
        names = sorted(set(treatment.to_list()) - {self.control})
        if not names or not (treatment == self.control).any():
            message = f"there must be rows of {self.control!r} and of another arm"
            raise ValueError(message)
        happened, chance = outcome.cast(pl.Float64).to_numpy(), propensity.cast(pl.Float64).to_numpy()
        if not np.isfinite(happened).all() or not ((chance > 0) & (chance <= 1)).all():
            message = "an outcome is missing, or a propensity is not above 0 and at most 1"
            raise ValueError(message)
        self.treatments_ = names
        self.is_numeric_ = not set(np.unique(happened)) <= {0.0, 1.0}
        self._words = {
            name: X[name]
            .cast(pl.String)
            .fill_null("")
            .value_counts(sort=True)[name][:MOST_WORDS]
            .sort()
            .to_list()
            for name in X.columns
            if not (X[name].dtype.is_numeric() or X[name].dtype.is_decimal() or X[name].dtype == pl.Boolean)
        }
        self._columns = X.columns
        self._effect_columns = self.effect_columns or X.columns
        arm = treatment.replace_strict([self.control, *names], range(len(names) + 1)).to_numpy()
        known, known_kinds = self._matrix(X, self._columns)
        self._expected = ExpectedOutcome(numeric_outcome=self.is_numeric_)
        expected = (
            self._expected.fit(known, known_kinds, arm, happened).predict(known)
            if self.is_numeric_ or len(np.unique(happened)) > 1
            else np.full(len(happened), -np.log1p(-(happened.sum() + 0.5) / (len(happened) + 1)))
        )
        self.model_ = TreatmentEffects(names, numeric_outcome=self.is_numeric_)
        self.model_.fit(*self._matrix(X, self._effect_columns), arm, happened, expected, 1 / chance)
        return self

    def expected(self, X: pl.DataFrame) -> FloatArray:  # noqa: N803
        """Outcome without treatment: its hazard, -log(1 - probability), or its mean; shape (rows,)."""
        if not hasattr(self._expected, "model_"):
            return np.zeros(X.height)
        return self._expected.predict(self._matrix(X, self._columns)[0])

    def predict(self, X: pl.DataFrame, *, widest: bool = False) -> tuple[FloatArray, FloatArray]:  # noqa: N803
        """Log hazard ratio (or difference of means) of each treatment, and its standard deviation.

        Args:
            X: Has the effect columns at least.
            widest: Drawn the least towards nothing, as bounds are; the estimates are drawn further.

        Returns:
            Mean and standard deviation, shape (rows, treatments).
        """
        return self.model_.predict(self._matrix(X, self._effect_columns)[0], widest=widest)

    def draws(self, X: pl.DataFrame, count: int, seed: int) -> FloatArray:  # noqa: N803
        """Joint draws of what `predict` gives the mean of, shape (count, rows, treatments)."""
        return self.model_.draws(self._matrix(X, self._effect_columns)[0], count, seed)

    def predict_effect(self, X: pl.DataFrame) -> pl.DataFrame:  # noqa: N803
        """What each treatment adds to the outcome of each row.

        Returns:
            One row per row of X and treatment, in this order: `row`, `treatment`, `effect` (on the probability of a 1,
            or on the mean), `effect_p05` and `effect_p95`.
        """
        base = self.expected(X)[:, None]
        mean, spread = self.predict(X)
        wide, wide_spread = self.predict(X, widest=True)

        def change(effect: FloatArray) -> FloatArray:
            return effect if self.is_numeric_ else np.exp(-base) - np.exp(-base * np.exp(effect))

        middle = sum(weight * change(mean + point * spread) for point, weight in QUADRATURE)
        low, high = (change(wide + side * BOUND * wide_spread) for side in (-1, 1))
        return pl.DataFrame(
            {
                "row": np.repeat(np.arange(X.height), len(self.treatments_)),
                "treatment": self.treatments_ * X.height,
                "effect": np.ravel(middle),
                "effect_p05": np.minimum(low, middle).ravel(),
                "effect_p95": np.maximum(high, middle).ravel(),
            }
        )

    def _matrix(self, frame: pl.DataFrame, columns: list[str]) -> tuple[FloatArray, list[bool]]:
        """Numbers, and codes of words: -1 is a word that was rare or unknown when the learner was fitted."""
        parts = [
            frame[name]
            .cast(pl.String)
            .fill_null("")
            .replace_strict(self._words[name], range(len(self._words[name])), default=-1)
            .cast(pl.Float64)
            .to_numpy()
            if name in self._words
            else frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            for name in columns
        ]
        return np.column_stack(parts), [name in self._words for name in columns]
