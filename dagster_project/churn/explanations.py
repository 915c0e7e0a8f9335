"""Why each customer has the probability it has: the gold table `churn_explanations`, and the reasons read off it.

Here: its rows. Not here: which features are reasons (`reasons.py`) and what is said of them (`reason_texts.py`).
"""

import datetime as dt

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.churn.classifier import ChurnClassifier
from dagster_project.churn.customers_alike import CustomersAlike
from dagster_project.churn.feature_matrix import feature_columns
from dagster_project.churn.reason_texts import reason_texts, sentence
from dagster_project.churn.reasons import REASON_COUNT, Comparison, Numbers, choose_reasons, said_numbers

FEATURES_SHOWN = 8
ALL_OTHER = "all_other"
NO_SIGNAL = "No signal in the data: the average of all subscribers"
CUSTOMERS_AT_ONCE = 100_000

EXPLANATION_SCHEMA = {
    "customer_id": pl.String,
    "as_of_date": pl.Date,
    "rank": pl.Int64,
    "feature": pl.String,
    "family": pl.String,
    "feature_value": pl.Float64,
    "usual_value": pl.Float64,
    "own_past_value": pl.Float64,
    "contribution_log_odds": pl.Float64,
    "base_log_odds": pl.Float64,
    "sentence": pl.String,
    "mitigation": pl.String,
    "model_version": pl.String,
}

FloatMatrix = npt.NDArray[np.float64]
IntMatrix = npt.NDArray[np.int64]


def explain_customers(
    classifier: ChurnClassifier, customers: pl.DataFrame, as_of_date: dt.date, model_version: str
) -> pl.DataFrame:
    """Table `churn_explanations`: a stored model and the rows that it scored give the same table again.

    Contributions are exact for the model that scored: SHAP values of its trees, the terms of its curves, the mean of
    both for a blend. The calibration bends a customer's contributions in one proportion and moves the base
    (`ChurnClassifier.explain`): it rises strictly, so that what raises the model's log-odds raises the calibrated ones.

    Args:
        classifier: What gave the probabilities.
        customers: All who were scored on the day, with the columns of `customer_features`; who is alike depends on all.
        as_of_date: The day.
        model_version: Of the classifier.

    Returns:
        Rows sorted by customer and rank. Reasons come first, then what moves the log-odds most, either way, eight
        features at most, and last `all_other`: base and contributions of a customer sum to the log-odds of the
        probability. No row without a model.
    """
    if classifier.status_ == "insufficient_data" or customers.is_empty():
        return pl.DataFrame(schema=EXPLANATION_SCHEMA)
    customers = customers.sort("customer_id")
    alike = CustomersAlike.of(customers, said_numbers(customers))
    parts = [_explained(classifier, some, alike) for some in customers.iter_slices(CUSTOMERS_AT_ONCE)]
    return (
        pl.concat(parts)
        .with_columns(
            as_of_date=pl.lit(as_of_date, dtype=pl.Date), model_version=pl.lit(model_version, dtype=pl.String)
        )
        .select(pl.col(name).cast(kind) for name, kind in EXPLANATION_SCHEMA.items())
    )


def reasons_of(explanations: pl.DataFrame) -> pl.DataFrame:
    """The sentences of each customer: `customer_id`, `reason_1` to `reason_3`, and what to do about the first."""
    said = explanations.filter(pl.col("rank") <= REASON_COUNT)
    at = [pl.col("rank") == rank for rank in range(1, REASON_COUNT + 1)]
    return said.group_by("customer_id", maintain_order=True).agg(
        *(
            pl.col("sentence").filter(here).first().alias(f"reason_{rank}")
            for rank, here in enumerate(at, start=1)
        ),
        pl.col("mitigation").filter(at[0]).first(),
    )


def _explained(classifier: ChurnClassifier, customers: pl.DataFrame, alike: CustomersAlike) -> pl.DataFrame:
    looked_at, numbers = feature_columns(customers), Numbers.of(customers, alike)
    contributions, base = classifier.explain(looked_at)
    reasons = choose_reasons(classifier, customers, contributions, numbers)
    places = _shown(contributions, reasons)
    row, rank = np.nonzero(places >= 0)
    place = places[row, rank]
    names = looked_at.columns
    shown = pl.DataFrame(
        {
            "row": row,
            "rank": rank + 1,
            "place": place,
            "value": numbers.value[row, place],
            "usual": numbers.usual[row, place],
            "past": numbers.past[row, place],
            "contribution_log_odds": contributions[row, place],
            "comparison": np.where(
                (rank < REASON_COUNT) & (reasons[row, np.minimum(rank, REASON_COUNT - 1)] == place),
                numbers.comparison[row, place],
                Comparison.NONE,
            ),
        }
    ).with_columns(pl.col("value", "usual", "past").fill_nan(None))
    told = np.bincount(row, weights=contributions[row, place], minlength=len(base))
    others = pl.DataFrame(
        {
            "row": np.arange(len(base)),
            "rank": (places >= 0).sum(axis=1) + 1,
            "feature": ALL_OTHER,
            "family": ALL_OTHER,
            "contribution_log_odds": contributions.sum(axis=1) - told,
            "sentence": NO_SIGNAL if classifier.status_ == "no_signal" else None,
        },
        schema_overrides={"sentence": pl.String},
    )
    rows = pl.concat([_worded(shown, names), others], how="diagonal").sort("row", "rank")
    at = rows["row"]
    return rows.rename(
        {"value": "feature_value", "usual": "usual_value", "past": "own_past_value"}
    ).with_columns(customers["customer_id"].gather(at), pl.Series("base_log_odds", base).gather(at))


def _shown(contributions: FloatMatrix, reasons: IntMatrix) -> IntMatrix:
    """Places of the features of each row in the order of their ranks; -1 where no further one speaks."""
    strength = np.abs(contributions)
    row, rank = np.nonzero(reasons >= 0)
    strength[row, reasons[row, rank]] = np.finfo(np.float64).max / (
        2.0 + rank
    )  # reasons first, in their order
    order = np.argsort(-strength, axis=1, kind="stable")[:, :FEATURES_SHOWN]
    return np.where(np.take_along_axis(strength, order, axis=1) > 0, order, -1)


def _worded(shown: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """With the feature's name, family, sentence and mitigation; only reasons have the last two."""
    parts = [
        shown.clear().with_columns(
            pl.lit("").alias(name) for name in ("feature", "family", "sentence", "mitigation")
        )
    ]
    for (place, comparison), rows in shown.group_by("place", "comparison"):
        text = reason_texts()[names[int(str(place))]]
        said = {
            Comparison.NONE: "", Comparison.FALLEN: text.fallen, Comparison.UNUSUAL: text.unusual,
            Comparison.UNKNOWN: text.unknown,
        }[Comparison(int(str(comparison)))]  # fmt: skip
        nothing = pl.lit(None, dtype=pl.String)
        parts.append(
            rows.with_columns(
                feature=pl.lit(text.feature),
                family=pl.lit(text.family),
                sentence=sentence(said, text.form) if said else nothing,
                mitigation=pl.lit(text.mitigation) if said else nothing,
            )
        )
    return pl.concat(parts)
