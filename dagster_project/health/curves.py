"""The whole opinion of the health score on one page: weights, parts and curves.

Here: what each component weighs, which measures it is made of and which value of a measure earns how many
points. Change the score here. Not here: how a measure is computed and when it is unknown (`measures.py`), how points
become a score (`score.py`) and which score is which level (the contract of `customer_health`).

A curve is a table of (value, points) joined by straight lines; outside the table the nearest end holds.
Points are 0 to 100 and move in one direction only, so a better value never earns less.
"""

from typing import NamedTuple

import polars as pl

COMPONENT_WEIGHTS = {  # percent of the full weight, whole numbers so that sums are exact
    "frequency": 25,
    "spending": 20,
    "loyalty": 15,
    "sentiment": 15,
    "communication": 15,
    "recency": 10,
}

MINIMUM_COVERAGE_PERCENT = 40
"""Below this share of the full weight a score would be a guess: the customer has `insufficient_data`."""

ALERT_BELOW_SCORE = 40
"""Below this score somebody should call: `is_alert`."""

Curve = tuple[tuple[float, float], ...]


class Part(NamedTuple):
    """One measure of a component: how much of the component it is, and what its values are worth."""

    component: str
    measure: str
    weight: int
    curve: Curve


PARTS = (
    # Frequency of software: regular use first, then how much, then the direction.
    Part("frequency", "active_week_share", 50, ((0, 0), (0.25, 30), (0.5, 55), (0.75, 80), (1, 100))),
    Part("frequency", "active_day_count", 25, ((0, 0), (4, 40), (8, 60), (15, 85), (22, 100))),
    Part("frequency", "active_day_ratio", 25, ((0, 0), (0.5, 30), (1, 70), (1.5, 100))),
    # Frequency of a shop: how often a customer comes back to buy, and whether they still look.
    Part("frequency", "repeat_purchase_days_per_year", 70, ((0, 0), (1, 35), (2, 55), (4, 75), (12, 100))),
    Part("frequency", "web_visit_count", 30, ((0, 0), (1, 30), (3, 55), (10, 85), (30, 100))),
    # Spending of a subscriber: paying at all, how much among the day's subscribers, the direction.
    Part("spending", "is_paying", 30, ((0, 0), (1, 100))),
    Part("spending", "mrr_percentile_share", 40, ((0, 0), (0.25, 45), (0.5, 65), (1, 100))),
    Part("spending", "mrr_ratio", 30, ((0, 0), (0.5, 25), (0.9, 55), (1, 70), (1.25, 100))),
    # Spending of a buyer: lately, over the whole relation, and the direction.
    Part("spending", "recent_spend_percentile_share", 30, ((0, 0), (0.25, 55), (0.5, 75), (1, 100))),
    Part("spending", "spend_percentile_share", 30, ((0, 0), (0.5, 60), (1, 100))),
    Part("spending", "recent_spend_share", 40, ((0, 0), (0.25, 40), (0.5, 70), (0.75, 100))),
    # Loyalty of a subscriber.
    Part("loyalty", "subscription_days", 50, ((0, 0), (90, 35), (365, 65), (730, 85), (1095, 100))),
    Part("loyalty", "renewed_months", 25, ((0, 0), (3, 40), (12, 70), (24, 85), (36, 100))),
    Part("loyalty", "seat_ratio", 25, ((0, 0), (0.5, 25), (1, 65), (1.2, 85), (1.5, 100))),
    # Loyalty of a buyer.
    Part("loyalty", "buyer_days", 40, ((0, 0), (90, 30), (365, 60), (730, 85), (1095, 100))),
    Part("loyalty", "purchase_day_count", 60, ((1, 0), (2, 35), (3, 50), (5, 70), (10, 100))),
    # Sentiment: what customers say when asked outweighs what can be read between the lines of a ticket.
    Part("sentiment", "csat_rating", 40, ((1, 0), (2, 20), (3, 50), (4, 80), (5, 100))),
    Part("sentiment", "nps_rating", 35, ((0, 0), (6, 40), (7, 60), (8, 70), (9, 90), (10, 100))),
    Part("sentiment", "ticket_polarity", 25, ((-1, 0), (-0.5, 20), (0, 50), (0.5, 80), (1, 100))),
    # Communication: an open may be a mail program at work, a click is a person.
    Part("communication", "opened_share", 50, ((0, 0), (0.2, 45), (0.4, 75), (0.7, 100))),
    Part("communication", "clicked_share", 50, ((0, 0), (0.02, 40), (0.05, 65), (0.15, 100))),
    # Recency: software is used by the week, a shop is visited by the season.
    Part("recency", "software_quiet_days", 100, ((0, 100), (7, 90), (14, 75), (30, 50), (60, 20), (90, 0))),
    Part("recency", "shop_quiet_days", 100, ((0, 100), (30, 85), (90, 60), (180, 30), (365, 0))),
)


def points_on_curve(value: pl.Expr, curve: Curve) -> pl.Expr:
    """Points of a value on a piecewise-linear curve; null stays null.

    The sum of what the value earns on each segment, so that no branching is needed and rounding cannot
    break the order of two values.

    Args:
        value: Float expression.
        curve: (value, points) pairs with rising values; the ends hold outside the table.

    Returns:
        Float64 points between the lowest and the highest of the curve.
    """
    points = value * 0.0 + curve[0][1]
    for (left, left_points), (right, right_points) in zip(curve, curve[1:], strict=False):
        slope = (right_points - left_points) / (right - left)
        points = points + (value.clip(left, right) - left) * slope
    return points.clip(min(points for _, points in curve), max(points for _, points in curve))
