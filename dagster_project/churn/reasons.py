"""What raises a customer's risk, in words that carry the customer's own numbers.

Here: one sentence per model feature, and the choice of up to three reasons. Not here: what the features are
(`feature_matrix.py`) and how much each one contributes (`model.py`).
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.churn.feature_matrix import MODEL_FEATURES, feature_columns, feature_groups

FloatMatrix = npt.NDArray[np.float64]

REASON_COUNT = 3
SMALLEST_CONTRIBUTION = 0.05  # log-odds: below 5 % more risk it is not worth a person's attention
NO_SIGNAL = "No signal in the data: the average of all subscribers"


def _whole(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int64)


def _percent(feature: str) -> pl.Expr:
    return (pl.col(feature) * 100).round(0).cast(pl.Int64)


def _change(feature: str) -> pl.Expr:
    percent = _percent(feature)
    return pl.format("{}{}", pl.when(percent > 0).then(pl.lit("+")).otherwise(pl.lit("")), percent)


_TENURE = pl.format("Subscriber for {} days", _whole("subscription_tenure_days"))
_USE = pl.format(
    "Used the product on {} of the last 30 days, {} in the 30 days before",
    _whole("active_day_last_30_days_count"),
    _whole("active_day_prior_30_days_count"),
)
_EVENTS = pl.format(
    "Did {} things in the product in the last 30 days, {} in the 30 days before",
    _whole("usage_event_last_30_days_count"),
    _whole("usage_event_prior_30_days_count"),
)
_USERS = pl.format(
    "People who used the product in the last 30 days: {} for {} seats",
    _whole("active_user_last_30_days_count"),
    _whole("seat_count"),
)
_PRICE = pl.format("Pays {} a month for {} seats", pl.col("mrr_amount"), _whole("seat_count"))
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
# never a reason: no call can change the size of a company or how long it is known, and the days since the last payment
# mirror the yearly bill. The model may use them, a caller cannot.
REASON_WORDS: dict[str, tuple[pl.Expr, str]] = {
    "subscription_tenure_days": (_TENURE, "Start of the subscription unknown"),
    "renewal_count": (pl.format("Renewals so far: {}", _whole("renewal_count")), "Renewals unknown"),
    "mrr_amount": (_PRICE, "Monthly price unknown"),
    "mrr_per_seat_amount": (_PRICE, "Price per seat unknown"),
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
    "days_until_renewal": (
        pl.format("Days until the next renewal: {}", _whole("days_until_renewal")),
        "Renewal date unknown",
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


def strongest_reasons(features: pl.DataFrame, contributions: FloatMatrix) -> pl.DataFrame:
    """Up to three reasons per row, of three different groups, each of which raises the risk.

    The contributions of a group are added, groups are ranked by that sum, and the
    sentence is that of the group's strongest feature. Features without words in `REASON_WORDS` do not count.

    Args:
        features: Rows with the columns of `customer_features`.
        contributions: Contributions to the log-odds, shape (rows, `feature_columns`).

    Returns:
        Columns `reason_1`, `reason_2`, `reason_3`, one row per row of `features`; null where there is no
        further.
    """
    has_words = [*(feature.name in REASON_WORDS for feature in MODEL_FEATURES), True]
    contributions = np.where(has_words, contributions, 0.0)
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


def _words(rank: int) -> pl.Expr:
    """Sentence of the chosen feature; -1 matches nothing and gives null."""
    chosen = pl.col(f"_chosen_{rank}")
    sentences = [_sentence(feature.name) for feature in MODEL_FEATURES]
    plan = pl.format("Is on the plan {}", pl.col("plan").fill_null("unknown"))
    words = pl.lit(None, dtype=pl.String)
    for index, sentence in enumerate([*sentences, plan]):
        words = pl.when(chosen == index).then(sentence).otherwise(words)
    return words


def _sentence(name: str) -> pl.Expr:
    if name not in REASON_WORDS:
        return pl.lit(None, dtype=pl.String)
    known, unknown = REASON_WORDS[name]
    return pl.coalesce(known, pl.lit(unknown))
