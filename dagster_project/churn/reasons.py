"""What raises a customer's risk, in words that carry the customer's own numbers.

Here: one sentence per model feature, and the choice of up to three reasons. Not here: what the features are
(`feature_matrix.py`) and how much each one contributes (`model.py`).
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.churn.feature_matrix import MODEL_FEATURES, PLAN, feature_columns, feature_groups

FloatMatrix = npt.NDArray[np.float64]

REASON_COUNT = 3
SMALLEST_CONTRIBUTION = 0.05  # log-odds: below 5 % more risk it is not worth a person's attention
NO_SIGNAL = "No signal in the data: the average of all subscribers"


def _whole(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int64)


def _usual(feature: str) -> pl.Expr:
    """The middle of all who are scored, as a person would write it."""
    middle = pl.col(feature).cast(pl.Float64).median().round(1)
    return (
        pl.when(middle == middle.round(0))
        .then(middle.cast(pl.Int64).cast(pl.String))
        .otherwise(middle.cast(pl.String))
    )


def _percent(feature: str) -> pl.Expr:
    return (pl.col(feature) * 100).round(0).cast(pl.Int64)


def _change(feature: str) -> pl.Expr:
    percent = _percent(feature)
    return pl.format("{}{}", pl.when(percent > 0).then(pl.lit("+")).otherwise(pl.lit("")), percent)


_TENURE = pl.format("Subscriber for {} days", _whole("subscription_tenure_days"))


def _against_own_past(last: str, prior: str, words: str, past: str) -> pl.Expr:
    """Compares with the 30 days before where it has fallen since, else with what is usual."""
    fallen = pl.format(f"{words}, {{}} {past}", _whole(last), _whole(prior))
    low = pl.format(f"{words}, usually {{}}", _whole(last), _usual(last))
    return pl.when(pl.col(last) < pl.col(prior)).then(fallen).otherwise(low)


_USE = _against_own_past(
    "active_day_last_30_days_count", "active_day_prior_30_days_count",
    "Used the product on {} of the last 30 days", "in the 30 days before",
)  # fmt: skip
_EVENTS = _against_own_past(
    "usage_event_last_30_days_count", "usage_event_prior_30_days_count",
    "Did {} things in the product in the last 30 days", "in the 30 days before",
)  # fmt: skip
_USERS = pl.format(
    "People who used the product in the last 30 days: {} for {} seats",
    _whole("active_user_last_30_days_count"),
    _whole("seat_count"),
)
_MESSAGES = (
    pl.when(pl.col("message_last_180_days_count") == 0)
    .then(pl.lit("Was sent no message in the last 180 days"))
    .otherwise(
        pl.format(
            "Opened {} of {} messages in the last 180 days",
            _whole("message_opened_last_180_days_count"),
            _whole("message_last_180_days_count"),
        )
    )
)

# Name of the model feature -> the sentence, and the sentence when a number in it is unknown. A feature without words is
# never a reason: no call can change the size of a company, its plan and price, how long it is known or when its year
# ends, and the days since the last payment mirror the yearly bill. The model may use them, a caller cannot.
REASON_WORDS: dict[str, tuple[pl.Expr, str]] = {
    "subscription_tenure_days": (_TENURE, "Start of the subscription unknown"),
    "renewal_count": (pl.format("Renewals so far: {}", _whole("renewal_count")), "Renewals unknown"),
    "mrr_change_share": (
        pl.format(
            "Monthly revenue changed by {} % in 90 days, to {}",
            _change("mrr_change_share"),
            pl.col("mrr_amount"),
        ),
        "No monthly revenue 90 days ago",
    ),
    "seat_change_share": (
        pl.format(
            "Seats changed by {} % in 90 days, to {}", _change("seat_change_share"), _whole("seat_count")
        ),
        "No seats 90 days ago",
    ),
    "seat_count": (pl.format("Seats: {}", _whole("seat_count")), "Seats unknown"),
    "active_subscription_count": (
        pl.format("Active subscriptions: {}", _whole("active_subscription_count")),
        "Active subscriptions unknown",
    ),
    "ended_subscription_count": (
        pl.format("Subscriptions ended before: {}", _whole("ended_subscription_count")),
        "Earlier subscriptions unknown",
    ),
    "billing_interval_days": (
        pl.format("Billed by the {}", pl.col("billing_interval")),
        "Billing interval unknown",
    ),
    "is_cancel_at_period_end": (
        pl.when(pl.col("is_cancel_at_period_end"))
        .then(pl.lit("Has given notice for an active subscription"))
        .when(pl.col("is_cancel_at_period_end").is_not_null())
        .then(pl.lit("Has not given notice")),
        "Notice unknown",
    ),
    "failed_payment_last_90_days_count": (
        pl.format("Failed payments in the last 90 days: {}", _whole("failed_payment_last_90_days_count")),
        "Failed payments unknown",
    ),
    "open_invoice_months": (
        pl.format("Billed and not yet paid: {}", pl.col("open_invoice_amount")),
        "Open invoices unknown",
    ),
    "has_usage_data": (
        pl.when(~pl.col("has_usage_data")).then(pl.lit("Never seen using the product")).otherwise(_USE),
        "Use of the product unknown",
    ),
    "days_since_last_usage": (
        pl.format("Days since the last use of the product: {}", _whole("days_since_last_usage")),
        "No use of the product seen",
    ),
    "active_day_last_30_days_count": (_USE, "Use of the product unknown"),
    "active_week_last_12_weeks_count": (
        pl.format("Used the product in {} of the last 12 weeks", _whole("active_week_last_12_weeks_count")),
        "Use of the product unknown",
    ),
    "active_day_trend": (_USE, "Use of the product unknown"),
    "usage_event_trend": (_EVENTS, "Amount of use unknown"),
    "usage_event_last_30_days_count": (_EVENTS, "Amount of use unknown"),
    "active_user_last_30_days_count": (_USERS, "Number of users unknown"),
    "active_user_per_seat": (_USERS, "Number of users unknown"),
    "feature_last_30_days_count": (
        pl.format("Different features used in the last 30 days: {}", _whole("feature_last_30_days_count")),
        "Features used unknown",
    ),
    "error_per_event": (
        pl.format(
            "Errors shown in the last 30 days: {} in {} uses",
            _whole("error_last_30_days_count"),
            _whole("usage_event_last_30_days_count"),
        ),
        "Errors unknown",
    ),
    "ticket_last_90_days_count": (
        pl.format("Tickets opened in the last 90 days: {}", _whole("ticket_last_90_days_count")),
        "Tickets unknown",
    ),
    "open_ticket_count": (pl.format("Open tickets: {}", _whole("open_ticket_count")), "Open tickets unknown"),
    "escalated_ticket_last_90_days_count": (
        pl.format("Escalated tickets in the last 90 days: {}", _whole("escalated_ticket_last_90_days_count")),
        "Escalated tickets unknown",
    ),
    "csat_last_180_days_rating": (
        pl.format(
            "Satisfaction with support {} of 5 in the last 180 days",
            pl.col("csat_last_180_days_rating").round(1),
        ),
        "No satisfaction rating in the last 180 days",
    ),
    "ticket_sentiment_last_180_days_polarity": (
        pl.format(
            "Tone of the tickets {} on a scale from -1 to 1",
            pl.col("ticket_sentiment_last_180_days_polarity").round(2),
        ),
        "No ticket text in the last 180 days",
    ),
    "nps_rating": (
        pl.format("Would recommend us with {} of 10", pl.col("nps_rating").round(0).cast(pl.Int64)),
        "No answer to the recommendation question within 365 days",
    ),
    "days_since_last_survey": (
        pl.format("Days since the last survey answer: {}", _whole("days_since_last_survey")),
        "Has never answered a survey",
    ),
    "message_last_180_days_count": (_MESSAGES, "Messages unknown"),
    "message_opened_share": (_MESSAGES, "No messages in the last 180 days"),
    "web_visit_last_90_days_count": (
        pl.format("Web visits in the last 90 days: {}", _whole("web_visit_last_90_days_count")),
        "Web visits unknown",
    ),
    "days_since_last_interaction": (
        pl.format("Days since anything was heard of the customer: {}", _whole("days_since_last_interaction")),
        "Nothing ever heard of the customer",
    ),
}


# A bare number says nothing: these sentences tell what is usual as well.
WITH_USUAL = {
    "renewal_count", "seat_count", "active_subscription_count", "ended_subscription_count",
    "failed_payment_last_90_days_count", "days_since_last_usage", "active_week_last_12_weeks_count",
    "active_user_last_30_days_count", "feature_last_30_days_count", "ticket_last_90_days_count", "open_ticket_count",
    "escalated_ticket_last_90_days_count", "csat_last_180_days_rating", "ticket_sentiment_last_180_days_polarity",
    "nps_rating", "days_since_last_survey", "web_visit_last_90_days_count", "days_since_last_interaction",
}  # fmt: skip
# What sounds bad to a person where the model is free to learn either.
WORSE_WHEN = {
    "renewal_count": -1, "ended_subscription_count": 1, "has_usage_data": -1, "usage_event_last_30_days_count": -1,
    "ticket_last_90_days_count": 1, "open_ticket_count": 1, "days_since_last_survey": 1, "message_opened_share": -1,
    "message_last_180_days_count": -1, "web_visit_last_90_days_count": -1,
}  # fmt: skip


def strongest_reasons(features: pl.DataFrame, contributions: FloatMatrix) -> pl.DataFrame:
    """Up to three reasons per row, of three different groups, each of which raises the risk.

    A feature is a reason only where it is worse than usual (the middle of all rows; a change: than none): use that
    rose is none, however the model takes it. The contributions of a group are added, groups are ranked by that sum,
    and the sentence is that of the group's strongest feature.

    Args:
        features: Rows with the columns of `customer_features`, all who are scored.
        contributions: Contributions to the log-odds, shape (rows, `feature_columns`).

    Returns:
        Columns `reason_1`, `reason_2`, `reason_3`, one row per row of `features`; null where there is no
        further.
    """
    may_be_said = _is_worse_than_usual(features) | (contributions < 0)
    contributions = np.where(may_be_said, contributions, 0.0)
    groups = np.array(feature_groups())
    distinct = sorted(set(groups))
    total = np.stack([contributions[:, groups == group].sum(axis=1) for group in distinct], axis=1)
    strongest = np.stack(
        [
            np.flatnonzero(groups == group)[contributions[:, groups == group].argmax(axis=1)]
            for group in distinct
        ],
        axis=1,
    )
    order = np.argsort(-total, axis=1, kind="stable")[:, :REASON_COUNT]
    chosen = np.take_along_axis(strongest, order, axis=1)
    chosen[np.take_along_axis(total, order, axis=1) < SMALLEST_CONTRIBUTION] = -1
    worded = features.with_columns(
        column for column in feature_columns(features) if column.name not in features.columns
    ).with_columns(pl.Series(f"_chosen_{rank}", chosen[:, rank]) for rank in range(REASON_COUNT))
    return worded.select(_words(rank).alias(f"reason_{rank + 1}") for rank in range(REASON_COUNT))


def _is_worse_than_usual(features: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Shape (rows, `feature_columns`); what is unknown may be a reason, what has no words is none."""
    looked_at = feature_columns(features)
    verdicts = []
    for feature in MODEL_FEATURES:
        value = pl.col(feature.name)
        usual = pl.lit(0.0) if feature.name.endswith(("_trend", "_change_share")) else value.median()
        direction = feature.direction or WORSE_WHEN.get(feature.name, 0)
        is_worse = (value - usual) * direction > 0 if direction else value != usual
        verdicts.append((is_worse.fill_null(value=True) & (feature.name in REASON_WORDS)).alias(feature.name))
    return looked_at.select(*verdicts, pl.lit(value=False).alias(PLAN)).to_numpy()


def _words(rank: int) -> pl.Expr:
    """Sentence of the chosen feature; -1 matches nothing and gives null."""
    chosen = pl.col(f"_chosen_{rank}")
    words = pl.lit(None, dtype=pl.String)
    for index, feature in enumerate(MODEL_FEATURES):
        if feature.name in REASON_WORDS:
            words = pl.when(chosen == index).then(_sentence(feature.name)).otherwise(words)
    return words


def _sentence(name: str) -> pl.Expr:
    known, unknown = REASON_WORDS[name]
    if name in WITH_USUAL:
        known = pl.coalesce(pl.format("{}, usually {}", known, _usual(name)), known)
    return pl.coalesce(known, pl.lit(unknown))
