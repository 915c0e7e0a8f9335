"""What a comparison of two records is made of, and the weights that are shipped.

Here: the words in which `person_model.py` and `organization_model.py` say how fields are compared, and how
they become settings of Splink. Not here: the fields themselves, training and scoring (`matching.py`).

A *comparison* looks at one field and finds the first of its *levels* that holds; a level carries `m` (how
often it holds for two records of one party) and `u` (how often for two records of different parties). Its
weight log2(m / u) counts for or against a match (Fellegi and Sunter 1969). A missing field counts for
nothing. `match_weights.json` has the shipped `m` and `u` of every level: they are the start of training and
stand in where there is too little data to train.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl


class Level(NamedTuple):
    """One degree of likeness of a field."""

    condition: str  # DuckDB SQL over the columns `<field>_l` and `<field>_r`
    phrase: str  # how the evidence says it; no personal data
    frequency_column: str | None = None  # a rare value that both share counts more than a common one


class Comparison(NamedTuple):
    """How one field is compared; the level of everything else is added by itself."""

    name: str
    missing: str  # DuckDB SQL: the field is missing on one side
    levels: tuple[Level, ...]
    # Records with one e-mail address are joined by exact rules, so what is left says nothing about how often two
    # records of one person have it, and random pairs hardly ever do: such a comparison keeps its shipped weights.
    is_trained: bool = True

    @property
    def column(self) -> str:
        """Name in SQL."""
        return self.name.replace(" ", "_").replace("-", "")

    @property
    def gamma(self) -> str:
        """Column of scored pairs: which level holds, 0 for everything else, -1 for missing."""
        return f"gamma_{self.column}"

    @property
    def phrases(self) -> list[str]:
        """Phrases from the last level (everything else) to the first."""
        return [f"{self.name} differs", *(level.phrase for level in reversed(self.levels))]


class MatchModel(NamedTuple):
    """How the records of one kind are compared."""

    kind: str
    comparisons: tuple[Comparison, ...]
    blocking_columns: tuple[str, ...]  # records that share one of these values are compared
    # Weights are trained on pairs that are equal in such columns: all but those of the comparisons that read them.
    training_columns: tuple[tuple[str, ...], ...]
    # Over the columns `gamma_<comparison>`: pairs that are never joined by likeness; those that are not where the
    # data has households, which it has when `one_differs` holds for few pairs beside `both_differ`.
    veto: pl.Expr
    household_veto: pl.Expr
    household_contradiction: pl.Expr  # of the latter, those that are two parties whoever stands between them
    doubtful_veto: pl.Expr  # vetoed pairs that a person should look at all the same
    one_differs: pl.Expr
    both_differ: pl.Expr


@cache
def shipped_weights() -> dict[str, Any]:
    """Content of `match_weights.json`: kind -> prior and levels (label -> [m, u])."""
    weights: dict[str, Any] = json.loads(Path(__file__).with_name("match_weights.json").read_text())
    return weights


def comparison_settings(model: MatchModel, with_frequencies: bool) -> list[dict[str, Any]]:
    """The comparisons as Splink takes them, with the shipped weights; frequencies need many records."""
    weights = shipped_weights()[model.kind]["comparisons"]
    return [
        _comparison_settings(comparison, weights[comparison.name], with_frequencies)
        for comparison in model.comparisons
    ]


def trained_columns(model: MatchModel) -> set[str]:
    """Names of the comparisons whose weights are trained."""
    return {comparison.column for comparison in model.comparisons if comparison.is_trained}


def _comparison_settings(
    comparison: Comparison, weights: dict[str, list[float]], with_frequencies: bool
) -> dict[str, Any]:
    phrases = [*(level.phrase for level in comparison.levels), f"{comparison.name} differs"]
    conditions = [*(level.condition for level in comparison.levels), "ELSE"]
    frequency_columns = [*(level.frequency_column for level in comparison.levels), None]
    levels: list[dict[str, Any]] = [
        {"sql_condition": comparison.missing, "label_for_charts": "missing", "is_null_level": True}
    ]
    for phrase, condition, frequency_column in zip(phrases, conditions, frequency_columns, strict=True):
        m, u = weights[phrase]
        level = {
            "sql_condition": condition,
            "label_for_charts": phrase,
            "m_probability": m,
            "u_probability": u,
        }
        if frequency_column and with_frequencies:
            level["tf_adjustment_column"] = frequency_column
            level["tf_minimum_u_value"] = 0.0005
            # The frequency replaces the u of this level, not of another one that looks like an exact match.
            level["disable_tf_exact_match_detection"] = True
        levels.append(level)
    return {"output_column_name": comparison.column, "comparison_levels": levels}
