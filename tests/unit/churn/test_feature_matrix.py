"""What the model may see."""

import numpy as np
import polars as pl
from churn_simulation import as_features, empty_snapshots, month_ends, simulate_snapshots
from contract_schemas import contract_schema

from dagster_project.churn.feature_matrix import MODEL_FEATURES, feature_columns
from dagster_project.churn.flat_table import Encoding

FEATURES = as_features(simulate_snapshots(3, 1, seed=0), month_ends(1)[0])


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
