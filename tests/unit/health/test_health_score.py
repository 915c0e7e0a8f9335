"""The health score: examples worked by hand, and what must hold for every customer."""

import datetime as dt
import random

import polars as pl
import pytest
from health_cases import BUYER, DAY, MONEY, NO_RFM, SCHEMA, SUBSCRIBER, features
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dagster_project.contracts import gold_tables
from dagster_project.health.curves import COMPONENT_WEIGHTS, PARTS, points_on_curve
from dagster_project.health.measures import measure_customers
from dagster_project.health.score import RESULT_COLUMNS, score_health


def scored(frame: pl.DataFrame) -> pl.DataFrame:
    return score_health(frame, NO_RFM, gold_tables()["customer_health"].levels("health_level"))


def score_one(customer: dict[str, object]) -> dict[str, object]:
    return scored(features(customer)).row(0, named=True)


def test_a_subscriber_with_every_component_scores_as_worked_by_hand():
    result = score_one(SUBSCRIBER)
    # 0.5 * 80 + 0.25 * 60 + 0.25 * 70; 0.3 * 100 + 0.4 * 65 + 0.3 * 70; 0.5 * 65 + 0.25 * 70 + 0.25 * 65;
    # 0.4 * 80 + 0.35 * 90 + 0.25 * 80; 0.5 * 75 + 0.5 * 82.5; 7 quiet days.
    expected = {
        "frequency_score": 72.5,
        "spending_score": 77.0,
        "loyalty_score": 66.25,
        "sentiment_score": 83.5,
        "communication_score": 78.75,
        "recency_score": 90.0,
        "health_score": 76.8,
        "coverage_share": 1.0,
    }
    assert {column: result[column] for column in expected} == pytest.approx(expected)
    assert (result["status"], result["health_level"]) == ("scored", "GOOD")


def test_a_buyer_known_by_transactions_alone_is_partial_with_seventy_percent_coverage():
    result = score_one(BUYER)
    expected = {
        "frequency_score": 65.0,  # 3 repeat days a year
        "spending_score": 68.5,  # 0.3 * 75 + 0.3 * 60 + 0.4 * 70
        "loyalty_score": 60.0,  # 0.4 * 60 + 0.6 * 60
        "recency_score": 85.0,
        "health_score": (65 * 25 + 68.5 * 20 + 60 * 15 + 85 * 10) / 70,
        "coverage_share": 0.7,
        "frequency_weight_share": 25 / 70,
        "sentiment_weight_share": 0.0,
    }
    assert {column: result[column] for column in expected} == pytest.approx(expected)
    assert (result["sentiment_score"], result["communication_score"]) == (None, None)
    assert (result["status"], result["health_level"]) == ("partial", "GOOD")


def test_result_has_the_columns_of_the_contract():
    result = scored(features(SUBSCRIBER))
    assert tuple(result.columns) == RESULT_COLUMNS
    assert result.columns[:6] == [
        "customer_id",
        "as_of_date",
        "status",
        "health_score",
        "health_level",
        "coverage_share",
    ]


def test_component_weights_are_the_full_weight():
    assert sum(COMPONENT_WEIGHTS.values()) == 100
    assert {part.component for part in PARTS} == set(COMPONENT_WEIGHTS)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.measure)
def test_every_curve_rises_in_value_and_moves_one_way_between_0_and_100(part):
    values = [value for value, _ in part.curve]
    points = [points for _, points in part.curve]
    assert values == sorted(set(values))
    assert points in (sorted(points), sorted(points, reverse=True))
    assert min(points) == 0
    assert max(points) == 100


def test_a_curve_joins_its_points_by_straight_lines_and_holds_its_ends():
    values = pl.DataFrame({"value": [-5.0, 0.0, 5.0, 10.0, 15.0, 99.0, None]})
    curve = ((0, 100), (10, 40), (20, 0))
    points = values.select(points_on_curve(pl.col("value"), curve)).to_series().to_list()
    assert points == [100.0, 100.0, 70.0, 40.0, 20.0, 0.0, None]


def test_no_usage_data_is_unknown_but_no_active_day_is_a_known_zero():
    silent = SUBSCRIBER | {
        "active_day_last_30_days_count": 0,
        "active_week_last_12_weeks_count": 0,
    }
    assert score_one(silent)["frequency_score"] == 0.0
    unseen = score_one(silent | {"has_usage_data": False})
    assert unseen["frequency_score"] is None
    assert unseen["status"] == "partial"


def test_a_customer_who_has_left_is_former_without_a_score_and_no_measure_of_the_others():
    left = SUBSCRIBER | {
        "customer_id": "left",
        "is_subscriber": False,
        "mrr_amount": "0",
        "seat_count": 0,
        "plan": None,
    }
    both = scored(features(left, SUBSCRIBER)).rows_by_key("customer_id", named=True, unique=True)
    former = both["left"]
    assert (former["status"], former["coverage_share"]) == ("former", 0.0)
    told = {name for name, value in former.items() if value not in (None, 0.0)}
    assert told == {"as_of_date", "status", "health_profile_version"}
    alone = score_one(SUBSCRIBER)
    assert {name: both["subscriber"][name] for name in alone if name != "customer_id"} == {
        name: value for name, value in alone.items() if name != "customer_id"
    }


def test_a_free_user_who_never_bought_has_no_spending_to_judge():
    free = SUBSCRIBER | {"has_ever_subscribed": False, "is_subscriber": False, "purchase_count": 0}
    result = score_one(free)
    assert (result["spending_score"], result["loyalty_score"]) == (None, None)


def test_a_new_customer_is_measured_by_the_weeks_it_could_use():
    new = SUBSCRIBER | {"tenure_days": 13, "active_week_last_12_weeks_count": 2}
    measures = measure_customers(features(new)).row(0, named=True)
    assert measures["active_week_share"] == 1.0
    assert measures["active_day_ratio"] is None


def test_notice_given_makes_renewal_a_known_zero():
    assert score_one(SUBSCRIBER | {"is_cancel_at_period_end": True})["loyalty_score"] == pytest.approx(48.75)


def test_a_yearly_subscriber_is_not_blamed_before_the_first_renewal_is_due():
    yearly = SUBSCRIBER | {"billing_interval": "year", "renewal_count": 0, "subscription_tenure_days": 200}
    assert measure_customers(features(yearly))["renewed_months"].item() is None
    renewed = yearly | {"renewal_count": 1, "subscription_tenure_days": 400}
    assert measure_customers(features(renewed))["renewed_months"].item() == 12.0


def test_web_visits_are_known_zeros_only_when_a_web_source_is_connected():
    assert measure_customers(features(BUYER))["web_visit_count"].item() is None
    visitor = BUYER | {"customer_id": "visitor", "web_visit_last_90_days_count": 3}
    both = measure_customers(features(BUYER, visitor))
    assert both["web_visit_count"].to_list() == [0.0, 3.0]


def test_percentiles_rank_within_the_day_and_ties_are_alike():
    customers = [SUBSCRIBER | {"customer_id": f"c{mrr}", "mrr_amount": str(mrr)} for mrr in (10, 20, 30)]
    tie = SUBSCRIBER | {"customer_id": "tie", "mrr_amount": "20"}
    other_day = SUBSCRIBER | {"customer_id": "other", "as_of_date": dt.date(2026, 8, 31), "mrr_amount": "1"}
    measures = measure_customers(features(*customers, tie, other_day))
    assert measures["mrr_percentile_share"].to_list() == pytest.approx([0.125, 0.5, 0.875, 0.5, 0.5])


def test_few_messages_say_nothing_about_communication():
    assert score_one(SUBSCRIBER | {"message_last_180_days_count": 2})["communication_score"] is None


def test_too_little_known_is_insufficient_data_with_the_components_still_shown():
    contact = {"customer_id": "lead", "as_of_date": DAY, "nps_rating": 9.0, "days_since_last_interaction": 30}
    result = score_one(contact)
    assert (result["status"], result["health_score"], result["health_level"]) == (
        "insufficient_data",
        None,
        None,
    )
    assert result["coverage_share"] == pytest.approx(0.25)
    assert result["sentiment_score"] == 90.0
    assert result["sentiment_weight_share"] == pytest.approx(0.6)


def test_exactly_the_least_coverage_is_enough():
    lead = {
        "customer_id": "lead",
        "as_of_date": DAY,
        "nps_rating": 9.0,
        "days_since_last_interaction": 30,
        "message_last_180_days_count": 5,
        "message_opened_last_180_days_count": 0,
        "message_clicked_last_180_days_count": 0,
    }
    result = score_one(lead)
    assert (result["status"], result["coverage_share"]) == ("partial", 0.4)


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0.0, "POOR"),
        (39.99, "POOR"),
        (40.0, "FAIR"),
        (59.99, "FAIR"),
        (60.0, "GOOD"),
        (79.99, "GOOD"),
        (80.0, "EXCELLENT"),
        (100.0, "EXCELLENT"),
    ],
)
def test_level_and_alert_begin_where_the_contract_says(score, level, monkeypatch):
    """With one known measure, worth what it is, the score is whatever is wanted."""
    parts = [
        part._replace(curve=((0, 0), (100, 100))) if part.measure == "nps_rating" else part for part in PARTS
    ]
    monkeypatch.setattr("dagster_project.health.score.PARTS", parts)
    monkeypatch.setattr("dagster_project.health.score.MINIMUM_COVERAGE_PERCENT", 15)
    result = score_one({"customer_id": "asked", "as_of_date": DAY, "nps_rating": score})
    assert (result["health_score"], result["health_level"]) == (pytest.approx(score, abs=1e-12), level)
    assert result["is_alert"] == (score < 40)


def test_an_empty_frame_gives_an_empty_result():
    result = scored(features())
    assert result.height == 0
    assert tuple(result.columns) == RESULT_COLUMNS


def test_a_frame_that_knows_nothing_is_insufficient_data_throughout():
    unknown = features({"customer_id": "b", "as_of_date": DAY}, {"customer_id": "a", "as_of_date": DAY})
    untyped = unknown.with_columns(
        pl.lit(None).alias(column) for column in SCHEMA if column not in ("customer_id", "as_of_date")
    )
    result = scored(untyped)
    assert result["customer_id"].to_list() == ["a", "b"]
    assert result["status"].unique().to_list() == ["insufficient_data"]
    shares = result.select(f"{component}_weight_share" for component in COMPONENT_WEIGHTS)
    assert shares.sum_horizontal().to_list() == [0.0, 0.0]
    assert_frame_equal(result, scored(unknown))


def test_a_value_that_is_not_a_number_is_unknown():
    broken = SUBSCRIBER | {"nps_rating": float("nan"), "csat_last_180_days_rating": float("inf")}
    assert score_one(broken)["sentiment_score"] == 80.0


COUNT = st.none() | st.integers(0, 2000)
AMOUNT = st.none() | st.decimals(-50, 5000, places=2).map(str)
STRATEGY = {
    pl.Int64(): COUNT,
    pl.Boolean(): st.none() | st.booleans(),
    pl.Float64(): st.none() | st.floats(-1, 10),
    MONEY: AMOUNT,
}
CUSTOMER = st.fixed_dictionaries(
    {
        column: STRATEGY[dtype]
        for column, dtype in SCHEMA.items()
        if column not in ("customer_id", "as_of_date", "plan", "billing_interval")
    }
    | {"billing_interval": st.sampled_from([None, "month", "year", "fortnight"]), "as_of_date": st.just(DAY)}
)
FRAME = st.lists(CUSTOMER, min_size=1, max_size=6).map(
    lambda customers: features(*({"customer_id": f"c{i}"} | row for i, row in enumerate(customers)))
)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(FRAME)
def test_score_is_the_weighted_mean_of_what_is_known_and_stays_in_bounds(frame):
    for row in scored(frame).iter_rows(named=True):
        shares = {component: row[f"{component}_weight_share"] for component in COMPONENT_WEIGHTS}
        scores = {component: row[f"{component}_score"] for component in COMPONENT_WEIGHTS}
        known = [component for component, score in scores.items() if score is not None]
        assert all(0 <= scores[component] <= 100 for component in known)
        assert all((shares[component] > 0) == (component in known) for component in shares)
        assert sum(shares.values()) == pytest.approx(1.0 if known else 0.0)
        assert row["coverage_share"] == sum(COMPONENT_WEIGHTS[component] for component in known) / 100
        assert (row["health_score"] is None) == (row["coverage_share"] < 0.4)
        points = [row[f"{component}_points"] for component in COMPONENT_WEIGHTS]
        assert (points == [None] * 6) == (row["health_score"] is None)
        assert row["is_alert"] == (None if row["health_score"] is None else row["health_score"] < 40)
        if row["health_score"] is not None:
            assert sum(points) == pytest.approx(row["health_score"], abs=1e-9)
            mean = sum(shares[component] * scores[component] for component in known)
            assert row["health_score"] == pytest.approx(mean)
            assert 0 <= row["health_score"] <= 100


BETTER = {
    "active_week_last_12_weeks_count": 1,
    "active_day_last_30_days_count": 1,
    "csat_last_180_days_rating": 1,
    "nps_rating": 1,
    "ticket_sentiment_last_180_days_polarity": 1,
    "message_opened_last_180_days_count": 1,
    "message_clicked_last_180_days_count": 1,
    "mrr_amount": 1,
    "seat_count": 1,
    "spend_amount": 1,
    "spend_last_90_days_amount": 1,
    "purchase_day_count": 1,
    "days_since_last_interaction": -1,
}


@QUICK
@given(FRAME, st.sampled_from(sorted(BETTER)), st.integers(1, 500))
def test_improving_a_known_value_never_lowers_the_score(frame, column, step):
    is_first = pl.col("customer_id") == "c0"
    change = pl.lit(BETTER[column] * step).cast(SCHEMA[column])
    better = frame.with_columns(
        pl.when(is_first).then(pl.col(column) + change).otherwise(column).alias(column)
    )
    before = scored(frame).row(0, named=True)["health_score"]
    after = scored(better).row(0, named=True)["health_score"]
    assert (before is None) == (after is None)
    assert before is None or after >= before


@QUICK
@given(FRAME)
def test_making_sentiment_unknown_never_counts_it_as_zero(frame):
    unknown = frame.with_columns(
        pl.lit(None).alias(column)
        for column in ("csat_last_180_days_rating", "nps_rating", "ticket_sentiment_last_180_days_polarity")
    )
    pairs = scored(frame).join(scored(unknown), on=["customer_id", "as_of_date"], validate="1:1")
    for row in pairs.drop_nulls(["health_score", "health_score_right", "sentiment_score"]).iter_rows(
        named=True
    ):
        # Leaving a component out moves the score away from that component, whichever side it was on.
        moved = row["health_score_right"] - row["health_score"]
        assert moved * (row["health_score"] - row["sentiment_score"]) >= -1e-9


@QUICK
@given(FRAME, st.randoms(use_true_random=False))
def test_row_order_does_not_matter(frame, rng: random.Random):
    order = list(range(frame.height))
    rng.shuffle(order)
    assert_frame_equal(scored(frame), scored(frame[order]))
