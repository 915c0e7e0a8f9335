"""Purchase histories as the models of repeat purchases read them: checked, and each different one once.

Here: the three numbers of a history, their rules and their compression. Not here: any model (`bg_nbd.py`,
`pareto_nbd.py`) and how purchases become histories (`buyers.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Compressed:
    """The different histories among those of many customers.

    Attributes:
        histories: Each different one, in an order that no order of customers moves, shape (k, columns).
        weights: Customers who share it, shape (k,).
        places: Which of them a customer has, shape (n,): `values[places]` gives values of histories to customers.
    """

    histories: FloatArray
    weights: FloatArray
    places: IntArray


def checked_histories(x: npt.ArrayLike, t_x: npt.ArrayLike, age: npt.ArrayLike) -> FloatArray:
    """Histories as one array, shape (n, 3): repeat purchases, time of the last one, time observed.

    Raises:
        ValueError: A history that cannot be, such as a last purchase after the end of the observation.
    """
    histories = np.column_stack([np.asarray(values, dtype=np.float64) for values in (x, t_x, age)])
    if not np.all(np.isfinite(histories)) or np.any(histories < 0):
        raise ValueError("purchase histories must be finite and not negative")
    if np.any(histories[:, 1] > histories[:, 2]):
        raise ValueError("the last purchase of a history cannot be later than the end of its observation")
    if np.any((histories[:, 0] == 0) & (histories[:, 1] > 0)):
        raise ValueError("a history without a repeat purchase cannot have a later last purchase")
    return histories


def compressed(histories: FloatArray) -> Compressed:
    """The different rows of an array, how often each comes, and where; a million rows take about a second."""
    if not len(histories):
        return Compressed(histories, np.zeros(0), np.zeros(0, dtype=np.int64))
    order = np.lexsort(histories.T[::-1])
    rows = histories[order]
    is_new = np.concatenate([[True], np.any(rows[1:] != rows[:-1], axis=1)])
    places = np.empty(len(histories), dtype=np.int64)
    places[order] = np.cumsum(is_new) - 1
    unique = rows[is_new]
    return Compressed(unique, np.bincount(places, minlength=len(unique)).astype(np.float64), places)


def require_history(name: str, histories: FloatArray, min_customers: int, min_repeat_customers: int) -> None:
    """Refuse to learn from too few.

    Raises:
        NotEnoughHistory: Fewer customers, or customers with a repeat purchase, than needed.
    """
    repeat_customers = int(np.sum(histories[:, 0] > 0))
    if len(histories) < min_customers or repeat_customers < min_repeat_customers:
        raise NotEnoughHistory(
            f"{name} needs {min_customers} customers and {min_repeat_customers} with a repeat "
            f"purchase; there are {len(histories)} and {repeat_customers}"
        )
