"""A flat table of numbers and words as the matrix that every candidate model sees.

Here: which columns a matrix has, and how a frame becomes one. Not here: what the columns mean (`feature_matrix.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

FloatMatrix = npt.NDArray[np.float64]

LEVEL_MINIMUM_EXAMPLES = 30
MOST_LEVELS = 30


@dataclass(frozen=True)
class Encoding:
    """Columns of a matrix: a number is one column, a word one 0/1 column per level that has enough examples.

    Attributes:
        features: Columns of the frame, in the order of the matrix.
        levels: By feature, the levels that have a column; a feature that is not in it is a number. A level that is
            not among them (new, rare or null) has 0 everywhere.
    """

    features: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Self:
        """Look at the examples.

        Args:
            frame: One row per example; numbers, booleans and words.

        Raises:
            ValueError: A column is neither, with what to do.
        """
        levels: dict[str, tuple[str, ...]] = {}
        for name, kind in frame.schema.items():
            if kind.is_numeric() or kind in (pl.Boolean, pl.Null):
                continue
            if kind not in (pl.String, pl.Categorical, pl.Enum):
                raise ValueError(
                    f"{name} is {kind}: give a number (days since a date, say) or a word, or leave the column out"
                )
            counts = (
                frame[name]
                .cast(pl.String)
                .drop_nulls()
                .value_counts()
                .sort(["count", name], descending=[True, False])
            )
            frequent = counts.filter(pl.col("count") >= LEVEL_MINIMUM_EXAMPLES).head(MOST_LEVELS)
            levels[name] = tuple(frequent[name].sort())
        return cls(tuple(frame.columns), levels)

    @property
    def columns(self) -> tuple[str, ...]:
        """Name of each column of the matrix: the feature's, or `<feature> is <level>`."""
        return tuple(name for feature in self.features for name in self._names(feature))

    @property
    def feature_of_column(self) -> npt.NDArray[np.int64]:
        """Place in `features` of each column of the matrix."""
        widths = [len(self._names(feature)) for feature in self.features]
        return np.repeat(np.arange(len(self.features)), widths)

    def matrix(self, frame: pl.DataFrame) -> FloatMatrix:
        """One row per row of the frame; what is unknown is NaN.

        Raises:
            ValueError: A column that was learned from is missing.
        """
        missing = [name for name in self.features if name not in frame.columns]
        if missing:
            raise ValueError(f"columns that the model was fitted on are missing: {', '.join(missing)}")
        chosen = [column for feature in self.features for column in self._values(feature)]
        matrix = np.asfortranarray(frame.select(chosen).fill_null(float("nan")).to_numpy(), dtype=np.float64)
        matrix[~np.isfinite(matrix)] = np.nan
        return matrix.reshape(frame.height, len(chosen))

    def per_feature(self, of_columns: FloatMatrix) -> FloatMatrix:
        """Sums of the columns of each feature, shape (rows, features)."""
        sums = np.zeros((len(of_columns), len(self.features)))
        np.add.at(sums.T, self.feature_of_column, of_columns.T)
        return sums

    def _names(self, feature: str) -> list[str]:
        return (
            [f"{feature} is {level}" for level in self.levels[feature]]
            if feature in self.levels
            else [feature]
        )

    def _values(self, feature: str) -> list[pl.Expr]:
        if feature not in self.levels:
            return [pl.col(feature).cast(pl.Float64)]
        said = pl.col(feature).cast(pl.String).fill_null("")
        return [
            (said == level).cast(pl.Float64).alias(name)
            for level, name in zip(self.levels[feature], self._names(feature), strict=True)
        ]
