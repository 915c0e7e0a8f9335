"""What moved a health score, and where it stands: customers whose past is known by hand."""

import datetime as dt

import polars as pl
import pytest
from contract_schemas import contract_schema
from health_cases import BUYER, DAY, NO_RFM, SUBSCRIBER, features

from dagster_project.contracts import gold_tables
from dagster_project.health import score
from dagster_project.health.change import TEXTS
from dagster_project.health.curves import COMPONENT_WEIGHTS, PARTS
from dagster_project.health.measures import measures
from dagster_project.health.score import score_day, score_health

LEVELS = gold_tables()["customer_health"].levels("health_level")
WEEK_AGO = {"as_of_date": DAY - dt.timedelta(7)}

LITTLE_KNOWN = {
    "has_usage_data": False, "csat_last_180_days_rating": None, "ticket_sentiment_last_180_days_polarity": None,
    "message_last_180_days_count": 0, "message_opened_last_180_days_count": 0,
    "message_clicked_last_180_days_count": 0,
}  # fmt: skip


def since_a_week(before: dict, now: dict) -> dict:
    """The one row of a customer whose features of 7 days ago are stored."""
    return score_health(features(now), NO_RFM, LEVELS, {7: features(before | WEEK_AGO)}).row(0, named=True)


@pytest.mark.parametrize(
    ("before", "now", "sentence"),
    [
        (
            {"active_day_last_30_days_count": 11, "active_day_prior_30_days_count": 11},
            {"active_day_last_30_days_count": 4, "active_day_prior_30_days_count": 4},
            "-2: used on 4 instead of 11 of the last 30 days",
        ),
        (
            {"active_day_last_30_days_count": 11, "active_day_prior_30_days_count": 4},
            {"active_day_last_30_days_count": 4, "active_day_prior_30_days_count": 11},
            "-7: used on 4 instead of 11 of the last 30 days",
        ),
        (
            {"active_day_prior_30_days_count": 5},
            {"active_day_prior_30_days_count": 23},
            "-5: use is at 38 % instead of 150 % of the 30 days before",
        ),
        ({"nps_rating": 9.0}, {"nps_rating": 3.0}, "-4: recommends with 3 instead of 9"),
        ({"nps_rating": 3.0}, {"nps_rating": 9.0}, "+4: recommends with 9 instead of 3"),
        (
            {"csat_last_180_days_rating": None, "nps_rating": None},
            {"csat_last_180_days_rating": None, "nps_rating": 0.0},
            "-7: the answer to the survey: 0 now, not known before",
        ),
        (
            {"message_opened_last_180_days_count": 10},
            {"message_last_180_days_count": 2},
            "-2: opened messages: not known any more",
        ),
        ({"mrr_amount": "100"}, {"mrr_amount": "0"}, "-10: paid before, not now"),
        # Heard of today instead of yesterday, which is better: the weight of the survey takes points from it.
        (
            LITTLE_KNOWN | {"days_since_last_interaction": 1, "nps_rating": None},
            LITTLE_KNOWN | {"days_since_last_interaction": 0, "nps_rating": 0.0},
            "-19: the answer to the survey: 0 now, not known before",
        ),
        ({}, {}, None),
        ({}, {"nps_rating": 8.9}, None),
    ],
)
def test_the_sentence_names_the_measure_that_did_most(before, now, sentence):
    row = since_a_week(SUBSCRIBER | before, SUBSCRIBER | now)
    assert row["change_over_7_days_sentence"] == sentence


@pytest.mark.parametrize("customer", [SUBSCRIBER, BUYER])
def test_points_of_measures_components_and_changes_all_sum(customer):
    moved = customer | {
        "nps_rating": 2.0,
        "active_day_last_30_days_count": 1,
        "spend_last_90_days_amount": "7",
    }
    day = score_day(features(moved)).row(0, named=True)
    for component in COMPONENT_WEIGHTS:
        points = sum(day[f"{part.measure}_points"] for part in PARTS if part.component == component)
        assert points == pytest.approx(day[f"{component}_points"], abs=1e-9)
    row = since_a_week(customer, moved)
    changes = [row[f"{component}_change_over_7_days_points"] for component in COMPONENT_WEIGHTS]
    before = score_day(features(customer)).row(0, named=True)["health_score"]
    assert row["change_over_7_days_points"] == pytest.approx(row["health_score"] - before, abs=1e-9)
    assert sum(changes) == pytest.approx(row["change_over_7_days_points"], abs=1e-9)
    assert any(abs(change) > 0.5 for change in changes)


def test_without_an_earlier_day_or_an_earlier_score_no_change_is_told():
    left = {"is_subscriber": False, "mrr_amount": "0", "seat_count": 0, "plan": None}
    for row in (
        score_health(features(SUBSCRIBER), NO_RFM, LEVELS).row(0, named=True),
        since_a_week(SUBSCRIBER | left, SUBSCRIBER),
        since_a_week(SUBSCRIBER, SUBSCRIBER | left),
        since_a_week(SUBSCRIBER | {"customer_id": "another"}, SUBSCRIBER),
    ):
        assert {value for name, value in row.items() if "change_over" in name} == {None}


def test_every_measure_has_words():
    assert TEXTS.keys() == {part.measure for part in PARTS}


def test_scores_are_compared_with_living_customers_of_the_plan_or_the_rfm_segment():
    subscribers = [SUBSCRIBER | {"customer_id": f"s{n:02d}", "nps_rating": n % 11} for n in range(30)]
    left = [SUBSCRIBER | {"customer_id": f"left{n}", "is_subscriber": False, "plan": None} for n in range(30)]
    buyers = [BUYER | {"customer_id": f"b{n}"} for n in range(5)]
    lone = [SUBSCRIBER | {"customer_id": "lone", "plan": "Enterprise"}]
    frame = features(*subscribers, *left, *buyers, *lone)
    rfm = pl.DataFrame(
        {"customer_id": [f"b{n}" for n in range(5)], "as_of_date": DAY, "rfm_segment": "Champions"}
    ).match_to_schema(contract_schema("gold", "customer_rfm"), missing_columns="insert")
    found = score_health(frame, rfm, LEVELS)
    living = found.filter(pl.col("health_score").is_not_null())
    assert living.height == 36
    best = living.sort("health_score", descending=True).head(4)["health_score"].mean()
    means = dict(living.group_by("benchmark_segment").agg(pl.col("health_score").mean()).iter_rows())
    assert set(means) == {"Growth", "Champions", "Enterprise"}
    for row in found.iter_rows(named=True):
        if row["status"] == "former":
            assert (row["segment_mean_score"], row["top_decile_mean_score"]) == (None, None)
            assert (row["benchmark_segment"], row["health_percentile_share"]) == (None, None)
            continue
        is_told = row["benchmark_segment"] != "Enterprise"  # one customer is no segment
        mean = pytest.approx(means[row["benchmark_segment"]]) if is_told else None
        assert row["segment_mean_score"] == mean
        assert row["top_decile_mean_score"] == pytest.approx(best)
        lower = (living["health_score"] < row["health_score"]).sum()
        ties = (living["health_score"] == row["health_score"]).sum() - 1
        assert row["health_percentile_share"] == pytest.approx((lower + ties / 2) / 35)


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("COMPONENT_WEIGHTS", COMPONENT_WEIGHTS | {"recency": 9}),
        ("PARTS", PARTS[:-1]),
        ("ALERT_BELOW_SCORE", 41),
        ("measures", lambda: measures() | {"nps_rating": pl.col("nps_rating") + 1}),
    ],
)
def test_another_opinion_has_another_version(monkeypatch, what, other):
    before = score.profile_version()
    assert score.profile_version() == before
    monkeypatch.setattr(score, what, other)
    assert score.profile_version() != before
