"""What the model may see, and what is said about it."""

import numpy as np
import polars as pl
import pytest
from churn_simulation import as_features, empty_snapshots, month_ends, simulate_snapshots
from contract_schemas import contract_schema

from dagster_project.churn.feature_matrix import MODEL_FEATURES, feature_columns
from dagster_project.churn.flat_table import Encoding
from dagster_project.churn.reasons import REASON_WORDS, strongest_reasons
from dagster_project.churn.score import CUSTOMER_SCHEMA, METRIC_SCHEMA

FEATURES = as_features(simulate_snapshots(3, 1, seed=0), month_ends(1)[0]).with_columns(
    active_day_last_30_days_count=pl.lit(2, dtype=pl.Int64),
    active_day_prior_30_days_count=pl.lit(11, dtype=pl.Int64),
    failed_payment_last_90_days_count=pl.lit(3, dtype=pl.Int64),
)
NAMES = feature_columns(FEATURES).columns


def contributions(**values: float) -> np.ndarray:
    return np.array([[values.get(name, 0.0) for name in NAMES]] * FEATURES.height)


NEVER_SAID = {"is_organization", "employee_count", "tenure_days", "spend_trend", "days_since_last_purchase"}


def test_every_model_feature_has_words_but_for_those_that_no_call_can_change():
    assert set(REASON_WORDS) == {feature.name for feature in MODEL_FEATURES} - NEVER_SAID


def test_what_no_call_can_change_is_never_a_reason():
    reasons = strongest_reasons(FEATURES, contributions(employee_count=2.0, spend_trend=1.5, nps_rating=0.1))
    assert reasons["reason_1"][0].startswith("Would recommend us with")
    assert reasons["reason_2"].null_count() == FEATURES.height


def test_result_columns_are_those_of_the_contracts():
    assert contract_schema("gold", "customer_churn") == CUSTOMER_SCHEMA
    assert contract_schema("gold", "churn_model_metrics") == METRIC_SCHEMA


def test_identifiers_dates_and_labels_never_enter_the_matrix():
    inputs = {name for feature in MODEL_FEATURES for name in feature.value.meta.root_names()} | {"plan"}
    banned = {"customer_id", "as_of_date", "is_churned", "label_known_date"}
    dates = {
        name
        for name, kind in contract_schema("silver", "customer_feature_snapshots").items()
        if kind == pl.Date
    }
    assert not inputs & (banned | dates)
    assert inputs <= set(contract_schema("gold", "customer_features"))


def test_unknown_values_stay_unknown_and_an_empty_frame_has_no_rows():
    unknown = pl.concat([empty_snapshots(), pl.DataFrame({"customer_id": ["a"]})], how="diagonal")
    looked_at = feature_columns(unknown)
    encoding = Encoding(tuple(looked_at.columns), {"plan": ("Starter",)})
    matrix = encoding.matrix(looked_at)
    assert np.isnan(matrix[0, :-1]).all()
    assert encoding.columns[-1] == "plan is Starter"
    assert matrix[0, -1] == 0
    assert encoding.matrix(feature_columns(empty_snapshots())).shape == (0, len(MODEL_FEATURES) + 1)


def test_a_share_of_nothing_is_unknown_and_not_zero():
    columns = feature_columns(FEATURES.with_columns(mrr_90_days_ago_amount=pl.lit(0, pl.Decimal(18, 2))))
    assert columns["mrr_change_share"].null_count() == columns.height


def test_reasons_carry_the_numbers_of_the_customer():
    reasons = strongest_reasons(
        FEATURES, contributions(active_day_trend=0.9, failed_payment_last_90_days_count=0.4)
    )
    assert reasons.row(0) == (
        "Used the product on 2 of the last 30 days, 11 in the 30 days before",
        "Failed payments in the last 90 days: 3",
        None,
    )


def test_no_two_reasons_are_of_one_group():
    reasons = strongest_reasons(
        FEATURES, contributions(active_day_trend=0.9, active_day_last_30_days_count=0.8, nps_rating=0.1)
    )
    assert reasons["reason_1"][0].startswith("Used the product")
    assert reasons["reason_2"][0].startswith("Would recommend us with")
    assert reasons["reason_3"].null_count() == FEATURES.height


def test_what_lowers_the_risk_is_no_reason_even_against_its_own_group():
    reasons = strongest_reasons(
        FEATURES, contributions(active_day_trend=0.9, active_day_last_30_days_count=-1.0, nps_rating=-0.5)
    )
    assert reasons["reason_1"].null_count() == FEATURES.height


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", [name for name in NAMES if name in REASON_WORDS])
def test_every_sentence_can_be_said_with_and_without_numbers(name, known):
    frame = (
        FEATURES.head(1)
        if known
        else FEATURES.head(1).with_columns(
            pl.lit(None, dtype=kind).alias(column) for column, kind in FEATURES.schema.items()
        )
    )
    words = strongest_reasons(frame, contributions(**{name: 1.0})[:1])["reason_1"][0]
    assert words
    assert "null" not in words


def test_a_plan_can_be_a_reason():
    reasons = strongest_reasons(FEATURES.with_columns(plan=pl.lit("Starter")), contributions(plan=1.0))
    assert reasons["reason_1"].unique().to_list() == ["Is on the plan Starter"]
