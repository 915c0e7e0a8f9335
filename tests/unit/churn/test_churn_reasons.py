"""What is said about a customer, and what never is."""

import re
from collections.abc import Collection

import numpy as np
import polars as pl
import pytest
from churn_simulation import as_features, month_ends, simulate_snapshots

from dagster_project.churn.calibration import Calibration
from dagster_project.churn.classifier import ChurnClassifier
from dagster_project.churn.customers_alike import FEWEST_ALIKE, CustomersAlike
from dagster_project.churn.explanations import explain_customers, reasons_of
from dagster_project.churn.feature_matrix import feature_columns, feature_directions
from dagster_project.churn.flat_table import Encoding
from dagster_project.churn.reason_texts import PLACEHOLDER, reason_texts, sentence

TODAY = month_ends(1)[0]
NAMES = feature_columns(as_features(simulate_snapshots(1, 1, seed=0), TODAY)).columns
TEXTS = reason_texts()
SAID = {name: text for name, text in TEXTS.items() if text.worse_when}
NEVER_SAID = {
    "is_organization", "employee_count", "tenure_days", "spend_trend", "days_since_last_purchase", "mrr_amount",
    "mrr_per_seat_amount", "days_until_renewal", "plan", "renewal_count", "seat_count", "billing_interval_days",
    "active_subscription_count",
}  # fmt: skip


class Weighed:
    """A model that contributes what it is told, whatever the values are, so that a test says what it thinks.

    Its score falls by 1 where a customer is not as it was learned, and rises where a `stubborn` feature is not.
    """

    def __init__(self, strength: np.ndarray, matrix: np.ndarray, stubborn: Collection[str]) -> None:
        self.strength, self.matrix = strength, np.nan_to_num(matrix, nan=-1.0)
        self.is_stubborn = np.array([name in stubborn for name in NAMES])

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        differs = np.nan_to_num(matrix, nan=-1.0)[:, None, :] != self.matrix[None]
        nearest = differs[np.arange(len(matrix)), differs.sum(axis=2).argmin(axis=1)]
        return np.where(nearest[:, self.is_stubborn].any(axis=1), 1.0, -1.0 * nearest.any(axis=1))

    def contributions(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.strength, self.log_odds(matrix) - self.strength.sum(axis=1)


def reasons(customers: pl.DataFrame, stubborn: Collection[str] = (), **strength: float) -> pl.DataFrame:
    """What `customer_churn` says where the model weighs features so; `customers` in the order of their ids."""
    classifier = ChurnClassifier()
    looked_at = feature_columns(customers)
    classifier.encoding_ = Encoding(tuple(NAMES), {"plan": ("Starter",)})
    weights = np.array([[strength.get(name, 0.0) for name in NAMES]] * customers.height)
    classifier.model_ = Weighed(weights, classifier.encoding_.matrix(looked_at), stubborn)
    classifier.calibration_ = Calibration("logistic", end_probability=0.0)
    classifier.status_ = "fitted"
    return reasons_of(explain_customers(classifier, customers, TODAY, "m"))


def many_customers() -> pl.DataFrame:
    """All columns at random, so that each feature is worse than usual for somebody."""
    random, count = np.random.default_rng(0), 60
    frame = as_features(simulate_snapshots(count, 1, seed=0), TODAY).with_columns(plan=pl.lit("Starter"))
    numbers = [
        pl.Series(name, random.integers(0, 9, count)).cast(kind)
        for name, kind in frame.schema.items()
        if kind.is_numeric()
    ]
    return frame.with_columns(numbers).with_columns(
        pl.Series("is_cancel_at_period_end", random.random(count) < 0.3),
        pl.Series("has_usage_data", random.random(count) < 0.7),
        pl.Series("ticket_sentiment_last_180_days_polarity", random.uniform(-1, 1, count)),
        pl.Series("seat_count", random.integers(6, 9, count)),
    )


MANY = many_customers()


def test_every_model_feature_has_a_line_and_what_no_call_can_change_has_no_sentence():
    assert set(TEXTS) == set(NAMES)
    assert {name for name in TEXTS if name not in SAID} == NEVER_SAID
    for name, text in TEXTS.items():
        is_said = bool(text.fallen or text.unusual)
        assert is_said == bool(text.mitigation) == (name in SAID), name
        assert name not in feature_directions() or text.worse_when in (0, feature_directions()[name]), name


@pytest.mark.parametrize("name", SAID)
def test_a_sentence_compares_and_has_no_blank_to_fill(name):
    text = SAID[name]
    for template, compared in ((text.fallen, "past"), (text.unusual, "usual"), (text.unknown, "")):
        blanks = {found[0] for found in PLACEHOLDER.findall(template)}
        assert not re.search(r"[{}]", PLACEHOLDER.sub("", template))
        assert not blanks or compared in blanks or text.form == "new", template
    assert (text.past != "") == (text.fallen != "")


@pytest.mark.parametrize(
    ("name", "kind", "numbers", "said"),
    [
        (
            "active_day_trend",
            "fallen",
            (4, None, 11),
            "Used the product on 4 of the last 30 days, 11 in the 30 before",
        ),
        (
            "feature_last_30_days_count",
            "unusual",
            (2, 6, None),
            "Used 2 features in the last 30 days; similar customers use 6",
        ),
        (
            "feature_last_30_days_count",
            "unusual",
            (1, 5.5, None),
            "Used 1 feature in the last 30 days; similar customers use 5.5",
        ),
        (
            "feature_last_30_days_count",
            "unusual",
            (0, 6, None),
            "Used no features in the last 30 days; similar customers use 6",
        ),
        ("open_ticket_count", "unusual", (1, 0, None), "Has 1 ticket open; similar customers have none"),
        (
            "failed_payment_last_90_days_count",
            "unusual",
            (3, 0, None),
            "3 payments failed in the last 90 days; at similar customers none",
        ),
        (
            "days_since_last_usage",
            "unusual",
            (1, 0, None),
            "Has not used the product for 1 day; similar customers not for 0",
        ),
        (
            "active_user_per_seat",
            "unusual",
            (0.254, 0.8, None),
            "People used 25 % of the seats in the last 30 days; at similar customers 80 %",
        ),
        (
            "csat_last_180_days_rating",
            "unusual",
            (2.04, 4, None),
            "Rated our support 2 of 5 in the last 180 days; similar customers 4",
        ),
        (
            "ticket_sentiment_last_180_days_polarity",
            "unusual",
            (-0.6, 0.4, None),
            "Sounded unhappy in the tickets of the last 180 days; similar customers sound friendly",
        ),
        ("mrr_change_share", "fallen", (1234.56, None, 2000.0), "Pays 1235 a month; three months ago 2000"),
        (
            "subscription_tenure_days",
            "unusual",
            (40, 600, None),
            "Has subscribed for 40 days only; similar customers for longer",
        ),
        ("active_day_trend", "fallen", (4, None, None), None),
    ],
)
def test_numbers_are_written_as_a_person_says_them(name, kind, numbers, said):
    columns = dict(zip(("value", "usual", "past"), ([each] for each in numbers), strict=True))
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Float64))
    assert frame.select(sentence(getattr(TEXTS[name], kind), TEXTS[name].form)).item() == said


@pytest.mark.parametrize("name", SAID)
def test_a_feature_is_a_reason_for_those_alone_for_whom_it_is_worse(name):
    text = SAID[name]
    said = reasons(MANY, **{name: 1.0})["reason_1"]
    numbers = feature_columns(MANY).with_columns(MANY[each] for each in {text.said, text.past} - {"", *NAMES})
    value = numbers[text.said].cast(pl.Float64)
    worse = (value - value.median()) * text.worse_when > 0
    if text.form == "tone":
        worse = value < -0.05
    if text.past:
        change = (value - numbers[text.past].cast(pl.Float64)) * text.worse_when
        worse = (worse & (change == 0)) | (change > 0) if text.unusual else change > 0
        assert said.filter(change < 0).null_count() == (change < 0).sum() > 0
        worse &= said.is_not_null() | (change > 0.2 * numbers[text.past].cast(pl.Float64))
    assert 0 < said.is_not_null().sum() < MANY.height
    assert (said.is_not_null() == worse.fill_null(value=False)).all()
    assert not said.str.contains("null").any()


def test_use_that_rose_is_no_reason_however_low_it_is():
    rose = MANY.with_columns(
        active_day_last_30_days_count=pl.Series(range(60)),
        active_day_prior_30_days_count=pl.Series(range(-1, 59)),
    )
    assert (
        reasons(rose, active_day_trend=1.0, active_day_last_30_days_count=0.5)["reason_1"].null_count() == 60
    )


def test_what_is_unknown_is_a_reason_only_where_customers_alike_have_it_and_it_can_be_said():
    unseen = MANY.with_columns(
        days_since_last_usage=pl.Series([None] + [3] * 59), nps_rating=pl.Series([None] + [9.0] * 59)
    )
    assert (
        reasons(unseen, days_since_last_usage=1.0)["reason_1"].to_list()
        == ["Has never been seen using the product"] + [None] * 59
    )
    assert reasons(unseen, nps_rating=1.0)["reason_1"].null_count() == 60


def test_the_strongest_family_speaks_first_and_none_twice():
    worst = MANY.with_columns(
        active_day_last_30_days_count=pl.Series([2] + [11] * 59), active_day_prior_30_days_count=pl.lit(11),
        feature_last_30_days_count=pl.Series([3] + [6] * 59), open_ticket_count=pl.Series([2] + [0] * 59),
        failed_payment_last_90_days_count=pl.Series([1] + [0] * 59), nps_rating=pl.Series([3.0] + [8.0] * 59),
    )  # fmt: skip
    said = reasons(
        worst, open_ticket_count=0.7, feature_last_30_days_count=0.5, active_day_last_30_days_count=0.4,
        failed_payment_last_90_days_count=0.3, nps_rating=0.2,
    )  # fmt: skip
    assert said.row(0)[1:] == (
        "Used the product on 2 of the last 30 days, 11 in the 30 before",  # .9 of use; a fall goes first
        "Has 2 tickets open; similar customers have none",
        "1 payment failed in the last 90 days; at similar customers none",
        "Ask what keeps them from using it, and show them what it saves",
    )
    small = reasons(worst, open_ticket_count=0.7, feature_last_30_days_count=0.04)
    assert small.row(0)[2:4] == (None, None)
    against = reasons(worst, feature_last_30_days_count=0.5, active_user_last_30_days_count=-0.6)
    assert against["reason_1"].null_count() == 60


def test_a_feature_that_would_not_lower_the_score_is_not_named_and_the_next_one_is():
    worst = MANY.with_columns(
        feature_last_30_days_count=pl.Series([3] + [6] * 59),
        active_week_last_12_weeks_count=pl.Series([2] + [9] * 59),
    )
    strength = {"feature_last_30_days_count": 0.5, "active_week_last_12_weeks_count": 0.4}
    assert reasons(worst, **strength)["reason_1"][0].startswith("Used 3 features")
    stubborn = reasons(worst, {"feature_last_30_days_count"}, **strength)
    assert stubborn["reason_1"][0] == "Used the product in 2 of the last 12 weeks; similar customers in 9"
    assert reasons(worst, set(strength), **strength)["reason_1"].null_count() == 60


def test_neither_plan_nor_price_nor_a_renewal_date_is_a_reason():
    assert reasons(MANY, **dict.fromkeys(NEVER_SAID, 1.0))["reason_1"].null_count() == MANY.height


def test_usual_is_the_middle_of_the_plan_and_size_else_of_the_plan_else_of_all():
    many, few = FEWEST_ALIKE, FEWEST_ALIKE - 1
    groups = [
        ("A", 3, many, 1.0),
        ("A", 30, many + 1, 2.0),
        ("A", 300, few, 5.0),
        ("B", 3, few, 9.0),
        (None, None, 1, 7.0),
    ]
    customers = pl.DataFrame(
        [row for plan, seats, count, value in groups for row in [(plan, seats, value)] * count],
        schema={"plan": pl.String, "seat_count": pl.Int64, "value": pl.Float64}, orient="row",
    )  # fmt: skip
    values = customers.select("value", nobody=pl.lit(None, dtype=pl.Float64))
    usual = CustomersAlike.of(customers, values).usual(customers)
    found = customers.with_columns(usual=usual["value"]).unique(["plan", "seat_count"], maintain_order=True)
    assert found["usual"].to_list() == [1.0, 2.0, 2.0, 2.0, 2.0]
    assert usual["nobody"].null_count() == customers.height
