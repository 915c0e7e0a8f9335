"""Collects what happened, day by day, as column arrays.

Not here: what the rows mean or how a system writes them.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray


class EventLog:
    """Happenings by name, appended in sets; each set is some equally long columns."""

    def __init__(self) -> None:
        self._parts: dict[str, list[dict[str, NDArray[np.generic]]]] = defaultdict(list)

    def add(self, happening: str, count: int, **columns: ArrayLike) -> None:
        """Append `count` rows; a single value is repeated for all of them."""
        if count:
            self._parts[happening].append(
                {name: _repeated(np.asarray(values), count) for name, values in columns.items()}
            )

    def frame(self, happening: str, empty_columns: tuple[str, ...]) -> pl.DataFrame:
        """All rows of one happening in the order in which they were added.

        Args:
            happening: Name used in `add`.
            empty_columns: Names of the columns when it never happened (all of type Int64 then).
        """
        parts = self._parts.get(happening, [])
        return _as_frame(parts) if parts else pl.DataFrame(schema=dict.fromkeys(empty_columns, pl.Int64))

    def frames(self, happening: str, sets: int) -> Iterator[pl.DataFrame]:
        """The same rows, of so many sets at a time; nothing when it never happened."""
        parts = self._parts.get(happening, [])
        yield from (_as_frame(parts[first : first + sets]) for first in range(0, len(parts), sets))


def _as_frame(parts: list[dict[str, NDArray[np.generic]]]) -> pl.DataFrame:
    return pl.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _repeated(values: NDArray[np.generic], count: int) -> NDArray[np.generic]:
    return values if values.shape == (count,) else np.full(count, values)
