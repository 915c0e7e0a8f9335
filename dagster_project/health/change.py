"""What moved a health score since an earlier day: in points by component, and in a sentence that a caller can say.

Here: differences of points, and the words for each measure. Not here: how points come to be (`score.py`).

The points of all measures sum to the score, so their differences sum to its change; nothing is estimated.
"""

from collections.abc import Mapping

import polars as pl

from dagster_project.health.curves import COMPONENT_WEIGHTS, PARTS, Part, points_on_curve

WINDOWS_DAYS = (1, 7, 30)
LEAST_POINTS_SAID = 0.5  # less is 0 in the sentence


def window_name(days: int) -> str:
    """The window as it ends the names of columns: `over_7_days`."""
    return f"over_{days}_day{'s' if days > 1 else ''}"


CHANGE_COLUMNS = tuple(
    name
    for days in WINDOWS_DAYS
    for name in (
        f"change_{window_name(days)}_points",
        *(f"{component}_change_{window_name(days)}_points" for component in COMPONENT_WEIGHTS),
        f"change_{window_name(days)}_sentence",
    )
)

# By measure: what is said of it, its name where only one of the days knows it, and what its number is multiplied by.
TEXTS: Mapping[str, tuple[str, str, int]] = {
    "active_week_share": ("used in {now} % instead of {before} % of the last 12 weeks", "regular use", 100),
    "active_day_count": ("used on {now} instead of {before} of the last 30 days", "days of use", 1),
    "active_day_ratio": (
        "use is at {now} % instead of {before} % of the 30 days before",
        "the trend of use",
        100,
    ),
    "repeat_purchase_days_per_year": (
        "comes back {now} instead of {before} times a year",
        "how often they come back",
        1,
    ),
    "web_visit_count": (
        "{now} instead of {before} visits to the web site in 90 days",
        "visits to the web site",
        1,
    ),
    "is_paying": ("", "paying", 1),  # said in words
    "mrr_percentile_share": (
        "pays more than {now} instead of {before} of 100 subscribers",
        "the size of the contract",
        100,
    ),
    "mrr_ratio": (
        "pays {now} % instead of {before} % of what it was 90 days before",
        "the trend of pay",
        100,
    ),
    "recent_spend_percentile_share": (
        "spent more in 90 days than {now} instead of {before} of 100 buyers",
        "spend of 90 days",
        100,
    ),
    "spend_percentile_share": (
        "has spent more than {now} instead of {before} of 100 buyers",
        "spend so far",
        100,
    ),
    "recent_spend_share": (
        "{now} % instead of {before} % of half a year's spend fell into the last 90 days",
        "the trend of spend",
        100,
    ),
    "subscription_days": ("a subscriber for {now} instead of {before} days", "time as a subscriber", 1),
    "renewed_months": ("{now} instead of {before} renewed months count", "renewals", 1),
    "seat_ratio": ("seats are at {now} % instead of {before} % of 90 days before", "the trend of seats", 100),
    "buyer_days": ("a buyer for {now} instead of {before} days", "time as a buyer", 1),
    "purchase_day_count": ("bought on {now} instead of {before} days", "purchases", 1),
    "csat_rating": ("rates support {now} instead of {before}", "the rating of support", 1),
    "nps_rating": ("recommends with {now} instead of {before}", "the answer to the survey", 1),
    "ticket_polarity": (
        "tone of tickets at {now} instead of {before} (-100 to 100)",
        "the tone of tickets",
        100,
    ),
    "opened_share": ("opens {now} % instead of {before} % of messages", "opened messages", 100),
    "clicked_share": ("clicks in {now} % instead of {before} % of messages", "clicks", 100),
    "software_quiet_days": ("last heard of {now} instead of {before} days ago", "the last contact", 1),
    "shop_quiet_days": ("last heard of {now} instead of {before} days ago", "the last contact", 1),
}


def with_changes(now: pl.DataFrame, before: Mapping[int, pl.DataFrame]) -> pl.DataFrame:
    """Add to each customer what moved the score since each window's earlier day.

    Args:
        now: Frame of `score_day`.
        before: The same of the day so many days before, by days. Windows that are not there stay null.

    Returns:
        The rows with `CHANGE_COLUMNS`; null where one of the days has no score. Sentences are null, too, where the
        change is below half a point.
    """
    absent = [name for name in CHANGE_COLUMNS if not any(window_name(days) in name for days in before)]
    types = {name: pl.String if name.endswith("_sentence") else pl.Float64 for name in absent}
    now = now.with_columns(pl.lit(None, dtype=types[name]).alias(name) for name in absent)
    for days, earlier in before.items():
        changes = _changes(now, earlier, days)
        now = now.join(
            changes, on=["customer_id", "as_of_date"], how="left", validate="1:1", maintain_order="left"
        )
    return now


def _changes(now: pl.DataFrame, earlier: pl.DataFrame, days: int) -> pl.DataFrame:
    """The columns of one window, a row for each customer with a score on both days."""
    window = window_name(days)
    both = now.join(
        earlier.with_columns(pl.col("as_of_date").dt.offset_by(f"{days}d")),
        on=["customer_id", "as_of_date"],
        suffix="_before",
        validate="1:1",
    ).filter(pl.col("health_score").is_not_null() & pl.col("health_score_before").is_not_null())
    # Each step is a frame: as one expression, the words of all measures within each other take minutes to plan.
    total = pl.col("health_score") - pl.col("health_score_before")
    return (
        both.with_columns(total.alias("total"), *(_moved(part.measure) for part in PARTS))
        .with_columns(
            pl.max_horizontal(
                pl.col(f"{part.measure}_moved") * pl.col("total").sign() for part in PARTS
            ).alias("most"),
            *(
                pl.coalesce(_known(part.measure) for part in PARTS if part.component == component).alias(
                    f"{component}_known"
                )
                for component in COMPONENT_WEIGHTS
            ),
        )
        .with_columns(_words(part).alias(f"{part.measure}_words") for part in PARTS)
        .select(
            "customer_id",
            "as_of_date",
            pl.col("total").alias(f"change_{window}_points"),
            *(
                (pl.col(f"{component}_points") - pl.col(f"{component}_points_before")).alias(
                    f"{component}_change_{window}_points"
                )
                for component in COMPONENT_WEIGHTS
            ),
            _sentence().alias(f"change_{window}_sentence"),
        )
    )


def _moved(measure: str) -> pl.Expr:
    """Points that the measure brings more than before."""
    return (pl.col(f"{measure}_points") - pl.col(f"{measure}_points_before")).alias(f"{measure}_moved")


def _sentence() -> pl.Expr:
    """The change as a whole number, and the measure that did most for it."""
    total = pl.col("total")
    said = pl.coalesce(
        pl.when(pl.col(f"{part.measure}_moved") * total.sign() == pl.col("most")).then(
            pl.col(f"{part.measure}_words")
        )
        for part in PARTS
    )
    sign = pl.when(total > 0).then(pl.lit("+")).otherwise(pl.lit("-"))
    size = total.abs().round(0).cast(pl.Int64).cast(pl.String)
    return pl.when(total.abs() >= LEAST_POINTS_SAID).then(pl.concat_str(sign, size, pl.lit(": "), said))


def _words(part: Part) -> pl.Expr:
    """What moved a measure. Where it has not moved that way itself, what became known or unknown has: that is said."""
    text, name, factor = TEXTS[part.measure]
    now, before = (_number(pl.col(column) * factor) for column in (part.measure, f"{part.measure}_before"))
    total = pl.col("total")
    pieces = text.replace("{now}", "\0now\0").replace("{before}", "\0before\0").split("\0")
    numbers = {"now": now, "before": before}
    moved = pl.concat_str(numbers.get(piece, pl.lit(piece)) for piece in pieces if piece)
    if part.measure == "is_paying":
        moved = (
            pl.when(total > 0).then(pl.lit("pays now, not before")).otherwise(pl.lit("paid before, not now"))
        )
    counted = pl.lit(None, dtype=pl.String)
    if part.measure == "active_day_ratio":  # days say more than their ratio, where both went the same way
        days, days_before = pl.col("active_day_count"), pl.col("active_day_count_before")
        days_text = pl.format(
            "used on {} instead of {} of the last 30 days", _number(days), _number(days_before)
        )
        counted = pl.when((days - days_before).sign() == total.sign()).then(days_text)
    # What another measure that became known takes from this one is no fault of this one.
    earned = points_on_curve(pl.col(part.measure), part.curve) - points_on_curve(
        pl.col(f"{part.measure}_before"), part.curve
    )
    of_component_first = sorted(COMPONENT_WEIGHTS, key=lambda component: component != part.component)
    return pl.coalesce(
        pl.when((now != before) & (earned.sign() == total.sign())).then(pl.coalesce(counted, moved)),
        _known(part.measure),
        *(pl.col(f"{component}_known") for component in of_component_first),
        pl.lit(f"{name}: by less than is said here"),
    )


def _known(measure: str) -> pl.Expr:
    """That a measure became known or unknown; null where it did not."""
    _, name, factor = TEXTS[measure]
    now, before = pl.col(measure), pl.col(f"{measure}_before")
    return (
        pl.when(before.is_null() & now.is_not_null())
        .then(pl.concat_str(pl.lit(f"{name}: "), _number(now * factor), pl.lit(" now, not known before")))
        .when(before.is_not_null() & now.is_null())
        .then(pl.lit(f"{name}: not known any more"))
    )


def _number(value: pl.Expr) -> pl.Expr:
    """One digit behind the point below 10, where it is not 0; none from 10 on."""
    whole = value.round(0).cast(pl.Int64, strict=False)
    is_whole = (value.abs() >= 10) | (value.round(1) == whole)
    return pl.when(is_whole).then(whole.cast(pl.String)).otherwise(value.round(1).cast(pl.String))
