"""The measures behind the health score: one column each, null where the customer's value is not known.

Here: what a measure is and, above all, when it is known. Not here: what a value is worth (`curves.py`).

Unknown is not zero. The rules, in the order a reader asks for them:

* Usage counts say something only for a customer ever seen in usage data; then 0 active days is a known 0.
* Subscription measures apply to subscribers. Who has left is not unhealthy but gone: `score.py` asks nothing of them.
* Purchase measures apply to customers who never subscribed and have bought; nobody is blamed for being new:
  rates need 30 days since the first purchase, trends 90.
* Trends need the earlier period: a subscriber or seat count of 90 days ago, 60 days of tenure for usage.
* Web visits count when anybody in the frame has one on that day: otherwise no web source is connected.
* Shares of messages need 3 messages: one unopened message says little.
* Survey and ticket sentiment are known when the feature is.

Percentile shares rank a customer among the customers of the same day in the frame, so no currency or
price list is built in: (mean rank - 0.5) / customers ranked, between 0 and 1, ties alike.
"""

import polars as pl

MINIMUM_MESSAGE_COUNT = 3
MINIMUM_RATE_DAYS = 30
MINIMUM_SPEND_TREND_DAYS = 90
MINIMUM_USAGE_TREND_DAYS = 60

INTERVAL_MONTHS = {"week": 0.25, "month": 1.0, "quarter": 3.0, "year": 12.0}
"""Months that one renewal of a billing interval pays for; other intervals count as a month."""

DAYS_PER_MONTH = 30


def _number(name: str) -> pl.Expr:
    """A feature as a float; what is not a finite number is unknown."""
    value = pl.col(name).cast(pl.Float64)
    return pl.when(value.is_finite()).then(value)


def _flag(name: str) -> pl.Expr:
    """A feature as a certain boolean: an unconnected source never set it."""
    return pl.col(name).cast(pl.Boolean).fill_null(value=False)


def _percentile_share(value: pl.Expr) -> pl.Expr:
    """Position among the known values of the same day, between 0 and 1, ties alike."""
    rank = value.rank("average").over("as_of_date")
    return (rank - 0.5) / value.count().over("as_of_date")


HAS_SUBSCRIBED = _flag("has_ever_subscribed")
IS_SUBSCRIBER = _flag("is_subscriber")
HAS_LEFT = HAS_SUBSCRIBED & ~IS_SUBSCRIBER
HAS_USAGE = _flag("has_usage_data")
USES_SOFTWARE = HAS_SUBSCRIBED | HAS_USAGE
IS_BUYER = ~HAS_SUBSCRIBED & (_number("purchase_count").fill_null(0) > 0)


def _while_subscribed(value: pl.Expr) -> pl.Expr:
    """The value of a subscriber, unknown for everybody else."""
    return pl.when(HAS_SUBSCRIBED & IS_SUBSCRIBER).then(value)


def _ratio(now: str, before: str) -> pl.Expr:
    """Now over before; unknown when there was nothing before."""
    return pl.when(_number(before) > 0).then(_number(now) / _number(before))


def _usage_measures() -> dict[str, pl.Expr]:
    possible_weeks = (_number("tenure_days") // 7 + 1).clip(1, 12).fill_null(12)
    active_days = _number("active_day_last_30_days_count")
    prior_days = _number("active_day_prior_30_days_count")
    # One day is added to both sides: from 1 active day to 2 is not a doubling worth a headline.
    ratio = (
        pl.when(active_days > 0).then((active_days + 1) / (prior_days + 1)).when(active_days == 0).then(0.0)
    )
    long_enough = _number("tenure_days").fill_null(MINIMUM_USAGE_TREND_DAYS) >= MINIMUM_USAGE_TREND_DAYS
    return {
        "active_week_share": pl.when(HAS_USAGE).then(
            _number("active_week_last_12_weeks_count") / possible_weeks
        ),
        "active_day_count": pl.when(HAS_USAGE).then(active_days),
        "active_day_ratio": pl.when(HAS_USAGE & long_enough).then(ratio),
    }


def _subscription_measures() -> dict[str, pl.Expr]:
    tenure_days = _number("subscription_tenure_days")
    interval_months = pl.col("billing_interval").cast(pl.String).replace_strict(INTERVAL_MONTHS, default=1.0)
    renewed_months = _number("renewal_count") * interval_months
    # A renewal can be expected once a whole interval has passed and some invoice was ever paid.
    could_renew = (tenure_days >= interval_months * DAYS_PER_MONTH) & (_number("purchase_count") > 0)
    return {
        # Who pauses is a subscriber who pays nothing.
        "is_paying": _while_subscribed((_number("mrr_amount") > 0).cast(pl.Float64)),
        "mrr_percentile_share": _while_subscribed(
            _percentile_share(pl.when(IS_SUBSCRIBER).then(_number("mrr_amount")))
        ),
        "mrr_ratio": _while_subscribed(_ratio("mrr_amount", "mrr_90_days_ago_amount")),
        "subscription_days": _while_subscribed(tenure_days),
        "renewed_months": _while_subscribed(
            pl.when(_flag("is_cancel_at_period_end")).then(0.0).when(could_renew).then(renewed_months)
        ),
        "seat_ratio": _while_subscribed(_ratio("seat_count", "seat_90_days_ago_count")),
    }


def _purchase_measures() -> dict[str, pl.Expr]:
    buyer_days = _number("days_since_first_purchase")
    purchase_days = _number("purchase_day_count")
    recent = _number("spend_last_90_days_amount").clip(lower_bound=0)
    prior = _number("spend_prior_90_days_amount").clip(lower_bound=0)
    visits = _number("web_visit_last_90_days_count")
    recent_buyer_spend = pl.when(IS_BUYER & (recent > 0)).then(recent)
    return {
        "repeat_purchase_days_per_year": pl.when(
            IS_BUYER & ~USES_SOFTWARE & (buyer_days >= MINIMUM_RATE_DAYS)
        ).then((purchase_days - 1).clip(lower_bound=0) / buyer_days * 365),
        "web_visit_count": pl.when(~USES_SOFTWARE & (visits.max().over("as_of_date") > 0)).then(visits),
        "recent_spend_percentile_share": pl.when(IS_BUYER & (recent == 0))
        .then(0.0)
        .otherwise(_percentile_share(recent_buyer_spend)),
        "spend_percentile_share": _percentile_share(pl.when(IS_BUYER).then(_number("spend_amount"))),
        "recent_spend_share": pl.when(IS_BUYER & (buyer_days >= MINIMUM_SPEND_TREND_DAYS)).then(
            pl.when(recent > 0).then(recent / (recent + prior)).when(recent == 0).then(0.0)
        ),
        "buyer_days": pl.when(IS_BUYER).then(buyer_days),
        "purchase_day_count": pl.when(IS_BUYER).then(purchase_days),
    }


def _relation_measures() -> dict[str, pl.Expr]:
    messages = _number("message_last_180_days_count")
    enough_messages = messages >= MINIMUM_MESSAGE_COUNT
    quiet_days = _number("days_since_last_interaction")
    return {
        "csat_rating": _number("csat_last_180_days_rating"),
        "nps_rating": _number("nps_rating"),
        "ticket_polarity": _number("ticket_sentiment_last_180_days_polarity"),
        "opened_share": pl.when(enough_messages).then(
            _number("message_opened_last_180_days_count") / messages
        ),
        "clicked_share": pl.when(enough_messages).then(
            _number("message_clicked_last_180_days_count") / messages
        ),
        "software_quiet_days": pl.when(USES_SOFTWARE).then(quiet_days),
        "shop_quiet_days": pl.when(~USES_SOFTWARE).then(quiet_days),
    }


def measures() -> dict[str, pl.Expr]:
    """Every measure, by its name in `curves.PARTS`."""
    return _usage_measures() | _subscription_measures() | _purchase_measures() | _relation_measures()


def measure_customers(features: pl.DataFrame) -> pl.DataFrame:
    """Compute every measure of the health score.

    Args:
        features: Rows of `customer_features`, one per customer and day.

    Returns:
        `customer_id`, `as_of_date` and one Float64 column per measure of `curves.PARTS`, rows in the same
        order; null where the measure is not known or does not apply.
    """
    return features.select(
        pl.col("customer_id").cast(pl.String),
        pl.col("as_of_date").cast(pl.Date),
        *(value.cast(pl.Float64).alias(name) for name, value in measures().items()),
    )
