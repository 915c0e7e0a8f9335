"""Which features of a customer a caller can name, and which three of them are named.

Here: what is worse than usual, what the score says of it when it is put right, and the choice. Not here: the words
(`reason_texts.py`), who is alike (`customers_alike.py`) and the table (`explanations.py`).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.churn.classifier import ChurnClassifier
from dagster_project.churn.customers_alike import CustomersAlike
from dagster_project.churn.feature_matrix import feature_columns
from dagster_project.churn.reason_texts import ReasonText, reason_texts, rounded

FloatMatrix = npt.NDArray[np.float64]
IntMatrix = npt.NDArray[np.int64]
BoolMatrix = npt.NDArray[np.bool_]

REASON_COUNT = 3
SMALLEST_CONTRIBUTION = 0.05  # log-odds: below 5 % more risk it is not worth a person's attention
SMALLEST_FALL_SHARE = 0.2  # of the own past: 11 days after 12 are no news
LARGE_FALL_SHARE = (
    1 / 3
)  # and more than a count varies by chance: news that goes before what has always been low
GOES_FIRST = 1e6  # log-odds: more than any contribution
SMALLEST_DROP = 0.01  # log-odds, of the model: what putting right must bring; rounding must not decide


class Comparison(IntEnum):
    """Why a feature may be named."""

    NONE = 0
    FALLEN = 1
    UNUSUAL = 2
    UNKNOWN = 3


@dataclass(frozen=True)
class Numbers:
    """What can be said of each customer and feature, all of shape (customers, features).

    Attributes:
        value: The number that is said, NaN where unknown.
        usual: Its middle at customers alike.
        past: The customer's own earlier one, NaN where there is none.
        comparison: Why the feature may be named (`Comparison`).
        put_right: The feature as it would be if it were no reason: usual, or as it was.
        fell_far: Whether the number is worse than the own past by a third or more, beyond chance.
    """

    value: FloatMatrix
    usual: FloatMatrix
    past: FloatMatrix
    comparison: IntMatrix
    put_right: FloatMatrix
    fell_far: BoolMatrix

    @classmethod
    def of(cls, customers: pl.DataFrame, alike: CustomersAlike) -> Self:
        """Compare.

        Args:
            customers: With the columns of `customer_features`.
            alike: Of all who are scored, learned from their `said_numbers`.
        """
        numbers, usual = said_numbers(customers), alike.usual(customers)
        unknown = pl.lit(None, dtype=pl.Float64)
        compared = []
        for name in feature_columns(customers.clear()).columns:
            text = reason_texts()[name]
            of_feature = customers.select("customer_id").with_columns(
                value=numbers[text.said] if text.said else unknown,
                usual=usual[text.said] if text.said else unknown,
                past=numbers[text.past] if text.past else unknown,
                usual_feature=usual[name] if text.said else unknown,
            )
            compared.append(
                of_feature.select(
                    "value", "usual", "past", comparison=_comparison(text), put_right=_put_right(text),
                    fell_far=_fell_far(text).fill_null(value=False),
                )
            )  # fmt: skip
        return cls(
            *(np.stack([each[name].to_numpy() for each in compared], axis=1) for name in compared[0].columns)
        )


def said_numbers(customers: pl.DataFrame) -> pl.DataFrame:
    """One Float64 column per number of the model, and per number that is said in its stead or compared with."""
    numbers = feature_columns(customers).select(pl.col(pl.Float64))
    told = {name for text in reason_texts().values() for name in (text.said, text.past)}
    others = sorted(told - {"", *numbers.columns})
    return numbers.with_columns(customers[name].cast(pl.Float64) for name in others)


def choose_reasons(
    classifier: ChurnClassifier, customers: pl.DataFrame, parts: FloatMatrix, numbers: Numbers
) -> IntMatrix:
    """Up to three features per customer, of three families, strongest first.

    Contributions of a family are added, families are ranked by that sum, and the family's strongest feature that may be
    named speaks for it: one that raises the risk, that is worse than usual, and without which the score is lower. What
    fell by a third or more against the own past goes before what has always been low: a caller can ask what happened.

    Args:
        classifier: What gave the contributions.
        customers: Rows with the columns of `customer_features`.
        parts: Contributions to the log-odds, shape (customers, features).
        numbers: Of the same rows.

    Returns:
        Places of features, shape (customers, 3); -1 where there is no further reason.
    """
    looked_at = feature_columns(customers)
    families = np.array([reason_texts()[name].family for name in looked_at.columns])
    matrix = classifier.encoding_.matrix(looked_at)
    log_odds = classifier.model_.log_odds(matrix)
    may_be_named = (numbers.comparison != Comparison.NONE) & (parts > 0)
    chosen = np.full((len(parts), REASON_COUNT), -1)
    open_rows = np.arange(len(parts))
    while len(open_rows):  # each time round, a feature of each of these rows has been struck out
        named = _strongest(parts[open_rows], may_be_named[open_rows], numbers.fell_far[open_rows], families)
        is_true = _lowers(
            classifier, matrix[open_rows], log_odds[open_rows], named, numbers.put_right[open_rows]
        )
        chosen[open_rows] = named
        row, rank = np.nonzero(~is_true)
        may_be_named[open_rows[row], named[row, rank]] = False
        open_rows = open_rows[np.unique(row)]
    return chosen


def _comparison(text: ReasonText) -> pl.Expr:
    """For columns `value`, `usual` and `past`; what rose against the own past is no reason, however low it is."""
    value, usual, past = (rounded(pl.col(name), text.form) for name in ("value", "usual", "past"))
    worse_than_usual = (value - usual) * text.worse_when
    has_risen = ((value - past) * text.worse_when < 0).fill_null(value=False)
    return (
        pl.when(_fell_far(text))
        .then(int(Comparison.FALLEN))
        .when((worse_than_usual > 0) & ~has_risen & bool(text.unusual))
        .then(int(Comparison.UNUSUAL))
        .when(_fell_by(text, SMALLEST_FALL_SHARE))
        .then(int(Comparison.FALLEN))
        .when(value.is_null() & usual.is_not_null() & bool(text.unknown))
        .then(int(Comparison.UNKNOWN))
        .otherwise(int(Comparison.NONE))
    )


def _fell_by(text: ReasonText, share: float) -> pl.Expr:
    value, past = (rounded(pl.col(name), text.form) for name in ("value", "past"))
    worse = (value - past) * text.worse_when
    return (worse > 0) & (worse >= share * past.abs()) & bool(text.fallen)


def _fell_far(text: ReasonText) -> pl.Expr:
    """By a third, and by a standard deviation of a count of that size."""
    value, past = (rounded(pl.col(name), text.form) for name in ("value", "past"))
    return _fell_by(text, LARGE_FALL_SHARE) & ((value - past).abs() >= past.abs().sqrt())


def _put_right(text: ReasonText) -> pl.Expr:
    as_it_was = pl.lit(0.0) if text.is_change else pl.col("past")
    return pl.when(_comparison(text) == int(Comparison.FALLEN)).then(as_it_was).otherwise("usual_feature")


def _strongest(
    parts: FloatMatrix, may_be_named: BoolMatrix, fell_far: BoolMatrix, families: npt.NDArray[np.str_]
) -> IntMatrix:
    """The feature that speaks for each of the three strongest families, shape (rows, 3); -1 where none may."""
    total, best = [], []
    for family in np.unique(families):
        members = np.flatnonzero(families == family)
        named = np.where(may_be_named[:, members], parts[:, members], -np.inf)
        strongest = (named + GOES_FIRST * fell_far[:, members]).argmax(axis=1)
        best.append(members[strongest])
        of_family = parts[:, members].sum(axis=1)
        speaks = (named.max(axis=1) > -np.inf) & (of_family >= SMALLEST_CONTRIBUTION)
        total.append(np.where(speaks, of_family, -np.inf))
    totals, bests = np.stack(total, axis=1), np.stack(best, axis=1)
    order = np.argsort(-totals, axis=1, kind="stable")[:, :REASON_COUNT]
    is_reason = np.take_along_axis(totals, order, axis=1) > -np.inf
    return np.where(is_reason, np.take_along_axis(bests, order, axis=1), -1)


def _lowers(
    classifier: ChurnClassifier,
    matrix: FloatMatrix,
    log_odds: FloatMatrix,
    named: IntMatrix,
    put_right: FloatMatrix,
) -> BoolMatrix:
    """Whether each named feature, put right alone, lowers the score, shape (rows, 3); true where none is named.

    The calibration rises strictly: the model's own log-odds tell.
    """
    column_of = np.searchsorted(classifier.encoding_.feature_of_column, np.arange(put_right.shape[1]))
    is_true = named < 0
    for rank in range(named.shape[1]):
        rows = np.flatnonzero(named[:, rank] >= 0)
        feature = named[rows, rank]
        changed = matrix[rows]
        changed[np.arange(len(rows)), column_of[feature]] = put_right[rows, feature]
        is_true[rows, rank] = classifier.model_.log_odds(changed) < log_odds[rows] - SMALLEST_DROP
    return is_true
