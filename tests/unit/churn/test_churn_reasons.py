"""What the model may see, and what is said about it."""

import numpy as np
import polars as pl
import pytest
from churn_simulation import as_features, empty_snapshots, month_ends, simulate_snapshots
from contract_schemas import contract_schema

from dagster_project.churn.feature_matrix import MODEL_FEATURES, feature_columns
from dagster_project.churn.flat_table import Encoding
from dagster_project.churn.reasons import REASON_WORDS, strongest_reasons
from dagster_project.churn.score import CALIBRATION_SCHEMA, CUSTOMER_SCHEMA, METRIC_SCHEMA

FEATURES = as_features(simulate_snapshots(3, 1, seed=0), month_ends(1)[0]).with_columns(
    active_day_last_30_days_count=pl.lit(2, dtype=pl.Int64),
    active_day_prior_30_days_count=pl.lit(11, dtype=pl.Int64),
    failed_payment_last_90_days_count=pl.lit(3, dtype=pl.Int64),
)
NAMES = feature_columns(FEATURES).columns


def contributions(**values: float) -> np.ndarray:
    return np.array([[values.get(name, 0.0) for name in NAMES]] * FEATURES.height)


NEVER_SAID = {
    "is_organization", "employee_count", "tenure_days", "spend_trend", "days_since_last_purchase", "mrr_amount",
    "mrr_per_seat_amount", "days_until_renewal",
}  # fmt: skip


def test_every_model_feature_has_words_but_for_those_that_no_call_can_change():
    assert set(REASON_WORDS) == {feature.name for feature in MODEL_FEATURES} - NEVER_SAID


def test_what_no_call_can_change_is_never_a_reason():
    reasons = strongest_reasons(FEATURES, contributions(employee_count=2.0, spend_trend=1.5, nps_rating=0.1))
    assert reasons["reason_1"][0].startswith("Would recommend us with")
    assert reasons["reason_2"].null_count() == FEATURES.height


def test_result_columns_are_those_of_the_contracts():
    assert contract_schema("gold", "customer_churn") == CUSTOMER_SCHEMA
    assert contract_schema("gold", "churn_model_metrics") == METRIC_SCHEMA
    assert contract_schema("gold", "churn_calibration") == CALIBRATION_SCHEMA


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
    others = FEATURES.with_columns(failed_payment_last_90_days_count=pl.lit(0, dtype=pl.Int64))
    strength = contributions(active_day_trend=0.9, failed_payment_last_90_days_count=0.4)
    reasons = strongest_reasons(pl.concat([FEATURES, others, others]), np.concatenate([strength] * 3))
    assert reasons.row(0) == (
        "Used the product on 2 of the last 30 days, 11 in the 30 days before",
        "Failed payments in the last 90 days: 3, usually 0",
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


def many_customers() -> pl.DataFrame:
    """All columns at random, so that each feature is worse than usual for somebody."""
    random, count = np.random.default_rng(0), 60
    frame = as_features(simulate_snapshots(count, 1, seed=0), month_ends(1)[0])
    numbers = [
        pl.Series(name, random.integers(0, 9, count)).cast(kind)
        for name, kind in frame.schema.items()
        if kind.is_numeric()
    ]
    few, most = random.random(count) < 0.3, random.random(count) < 0.7
    numbers += [pl.Series("is_cancel_at_period_end", few), pl.Series("has_usage_data", most)]
    return frame.with_columns(numbers)


MANY = many_customers()


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", [name for name in NAMES if name in REASON_WORDS])
def test_every_sentence_can_be_said_with_and_without_numbers(name, known):
    nothing = MANY.with_columns(
        pl.lit(None, dtype=kind).alias(column) for column, kind in MANY.schema.items()
    )
    strength = np.zeros((MANY.height, len(NAMES)))
    strength[:, NAMES.index(name)] = 1.0
    words = strongest_reasons(MANY if known else nothing, strength)["reason_1"]
    said = words.drop_nulls()
    assert 0 < len(said) <= MANY.height
    assert known == (words.null_count() > 0)  # who is not worse than usual has no such reason
    assert not said.str.contains("null").any()


@pytest.mark.parametrize(
    ("name", "column", "is_worse"),
    [
        (
            "active_day_last_30_days_count",
            "active_day_last_30_days_count",
            lambda value, usual: value < usual,
        ),
        (
            "usage_event_last_30_days_count",
            "usage_event_last_30_days_count",
            lambda value, usual: value < usual,
        ),
        ("open_ticket_count", "open_ticket_count", lambda value, usual: value > usual),
        ("nps_rating", "nps_rating", lambda value, usual: value < usual),
    ],
)
def test_only_what_is_worse_than_usual_is_a_reason(name, column, is_worse):
    strength = np.zeros((MANY.height, len(NAMES)))
    strength[:, NAMES.index(name)] = 1.0
    words = strongest_reasons(MANY, strength)["reason_1"]
    values = MANY[column].to_numpy()
    assert (words.is_not_null().to_numpy() == is_worse(values, np.median(values))).all()


def test_use_that_rose_is_no_reason_and_what_fell_is_compared_with_before():
    strength = np.zeros((MANY.height, len(NAMES)))
    strength[:, NAMES.index("active_day_trend")] = 1.0
    last, prior = (MANY[f"active_day_{period}_30_days_count"].to_numpy() for period in ("last", "prior"))
    words = strongest_reasons(MANY, strength)["reason_1"]
    assert (words.is_not_null().to_numpy() == (last < prior)).all()
    assert words.drop_nulls().str.ends_with("in the 30 days before").all()


def test_a_bare_number_comes_with_what_is_usual():
    strength = np.zeros((MANY.height, len(NAMES)))
    strength[:, NAMES.index("feature_last_30_days_count")] = 1.0
    said = strongest_reasons(MANY, strength)["reason_1"].drop_nulls()
    assert said.str.contains(r"^Different features used in the last 30 days: \d, usually \d(\.\d)?$").all()


def test_neither_plan_nor_price_nor_a_renewal_date_is_a_reason():
    reasons = strongest_reasons(
        MANY, np.ones((MANY.height, len(NAMES))) * [name in (*NEVER_SAID, "plan") for name in NAMES]
    )
    assert reasons["reason_1"].null_count() == MANY.height
