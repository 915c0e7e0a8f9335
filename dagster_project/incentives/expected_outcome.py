"""What rows are expected to do without any treatment, from what is known of them: the ground that effects stand on.

Not here: the effects (`effect_model.py`).
"""

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

KNOTS = 6
PENALTY = 1.0
LARGEST_PROBABILITY = 0.95


class ExpectedOutcome:
    """A generalised linear model of the outcome: splines of numbers, categories, their products, and the treatments.

    All arms are learned from, each with its own level, and what is expected is read off the control's: outcomes are
    rare, and a control of a third of the rows would leave most of them unused.
    """

    def __init__(self, *, numeric_outcome: bool = False) -> None:
        self.numeric_outcome = numeric_outcome

    def fit(
        self, traits: FloatArray, is_category: list[bool], treatment: IntArray, outcome: FloatArray
    ) -> Self:
        """Fit to the rows of an experiment; arguments as of `TreatmentEffects.fit`."""
        self.is_category_ = np.array(is_category, dtype=bool)
        numbers = traits[:, ~self.is_category_]
        known = np.isfinite(numbers)
        self.medians_ = np.array(
            [
                np.median(column[kept]) if kept.any() else 0.0
                for column, kept in zip(numbers.T, known.T, strict=True)
            ]
        )
        varies = [len(np.unique(column)) > 1 for column in self._filled(numbers).T]
        self.varies_ = np.array(varies, dtype=bool)
        self.splines_ = SplineTransformer(KNOTS, degree=1, knots="quantile", extrapolation="constant")
        if self.varies_.any():
            self.splines_.fit(self._filled(numbers)[:, self.varies_])
        self.words_ = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
        if self.is_category_.any():
            self.words_.fit(traits[:, self.is_category_])
        arms = np.eye(int(treatment.max()) + 1)[treatment][:, 1:]
        design = np.hstack([self._design(traits), arms])
        if self.numeric_outcome:
            self.model_ = Ridge(PENALTY).fit(design, outcome)
        else:
            self.model_ = LogisticRegression(C=1 / PENALTY, solver="newton-cholesky", tol=1e-3)
            self.model_.fit(design, outcome > 0)
        self.arm_count_ = arms.shape[1]
        return self

    def predict(self, traits: FloatArray) -> FloatArray:
        """Hazard, -log(1 - probability), or mean of the outcome without treatment, shape (rows,)."""
        design = np.hstack([self._design(traits), np.zeros((len(traits), self.arm_count_))])
        if self.numeric_outcome:
            return np.asarray(self.model_.predict(design))
        return np.asarray(-np.log1p(-self.model_.predict_proba(design)[:, 1].clip(1e-6, LARGEST_PROBABILITY)))

    def _filled(self, numbers: FloatArray) -> FloatArray:
        return np.where(np.isfinite(numbers), numbers, self.medians_)

    def _design(self, traits: FloatArray) -> FloatArray:
        numbers = traits[:, ~self.is_category_]
        parts = [np.zeros((len(traits), 0)), (~np.isfinite(numbers)).astype(float)]
        words = np.zeros((len(traits), 0))
        if self.is_category_.any():
            words = self.words_.transform(traits[:, self.is_category_])
            parts.append(words)
        if self.varies_.any():
            smooth = self.splines_.transform(self._filled(numbers)[:, self.varies_])
            parts += [smooth, (words[:, :, None] * smooth[:, None, :]).reshape(len(traits), -1)]
        return np.hstack(parts)
