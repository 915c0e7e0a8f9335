"""What has to stand in the columns of the features, one customer and day at a time, from the words that describe them.

Nothing here knows of joins, groups or windows. It takes what had happened and was known before the day was over, and
counts. Not here: how the SQL comes to the same.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

Row = dict[str, Any]
History = Mapping[str, Sequence[Row]]
"""The rows of one customer, by silver table."""

HORIZON_DAYS = 90
RESPONSES = ("opened", "clicked", "converted")


def end_of(day: dt.date) -> dt.datetime:
    """The first moment that no longer belongs to the day."""
    return dt.datetime.combine(day + dt.timedelta(1), dt.time())


def last(days: int, day: dt.date, rows: Sequence[Row], clock: str, ending_days_ago: int = 0) -> list[Row]:
    """The rows of that many days, the given one or one before it being the last of them."""
    end = end_of(day) - dt.timedelta(ending_days_ago)
    begin = end - dt.timedelta(days)
    return [row for row in rows if row[clock] is not None and begin <= row[clock] < end]


def so_far(day: dt.date, rows: Sequence[Row], clock: str) -> list[Row]:
    """The rows whose moment lies before the end of the day."""
    return [row for row in rows if row[clock] is not None and row[clock] < end_of(day)]


def date_of(choose: Callable[..., dt.datetime], rows: Sequence[Row], clock: str) -> dt.date | None:
    """The day of the first or the last of the rows; none without any."""
    return choose(row[clock] for row in rows).date() if rows else None


def days_from(begin: dt.date | None, end: dt.date | None) -> int | None:
    """Days between two dates; none when one of them is."""
    return None if begin is None or end is None else (end - begin).days


def total(rows: Sequence[Row], field: str) -> Any:
    """The sum of a field."""
    return sum(row[field] for row in rows)


def profile(history: History, day: dt.date) -> Row:
    """What the golden record says."""
    (customer,) = history["customers"]
    fields = ("kind", "industry", "country", "employee_count", "customer_since_date")
    return {field: customer[field] for field in fields} | {
        "tenure_days": days_from(customer["customer_since_date"], day)
    }


def spending(history: History, day: dt.date) -> Row:
    """Money by the day on which it came or went; a purchase is one from the day of its first money on."""
    booked = so_far(day, history["spend_changes"], "changed_at")
    bought = [row for row in booked if row["is_purchase"]]
    purchases = [row for row in bought if row["changed_at"] == row["purchased_at"]]
    dates = [row["purchased_at"].date() for row in purchases]
    first, latest = (choose(dates) if dates else None for choose in (min, max))
    return {
        "purchase_count": len(purchases),
        "purchase_day_count": len(set(dates)),
        "first_purchase_date": first,
        "last_purchase_date": latest,
        "days_since_first_purchase": days_from(first, day),
        "days_since_last_purchase": days_from(latest, day),
        "purchase_span_days": days_from(first, latest),
        "spend_amount": total(booked, "spend_change_amount"),
        "gross_spend_amount": total(bought, "spend_change_amount"),
        "first_day_spend_amount": total(
            [row for row in bought if row["purchased_at"].date() == first], "spend_change_amount"
        ),
        "spend_last_90_days_amount": total(last(90, day, booked, "changed_at"), "spend_change_amount"),
        "spend_prior_90_days_amount": total(last(90, day, booked, "changed_at", 90), "spend_change_amount"),
        "renewal_count": max(sum(row["kind"] == "invoice" for row in purchases) - 1, 0),
    }


def billing(history: History, day: dt.date) -> Row:
    """Attempts to take money that failed, and what of all bills was open when the day ended."""
    attempts = last(90, day, history["payments"], "attempted_at")
    changes = so_far(day, history["open_amount_changes"], "changed_at")
    return {
        "failed_payment_last_90_days_count": sum(row["status"] == "failed" for row in attempts),
        "open_invoice_amount": total(changes, "open_change_amount"),
    }


def newest_known(versions: Sequence[Row], moment: dt.datetime) -> list[Row]:
    """Of each subscription the version that was reported last before the moment."""
    known = [row for row in versions if row["valid_from"] < moment]
    by_age = sorted(known, key=lambda row: row["valid_from"])
    return list({row["subscription_id"]: row for row in by_age}.values())


def runs(version: Row, moment: dt.datetime) -> bool:
    """The time that is paid for has begun and not ended, as far as the version knows."""
    has_ended = version["ended_at"] is not None and version["ended_at"] < moment
    return version["is_paid_status"] and version["paid_from_at"] < moment and not has_ended


def is_paid(version: Row) -> bool:
    """It has a price, though a discount or a pause may take it away for a while."""
    return version["is_paid_status"] and version["list_mrr_amount"] > 0


def subscribed(versions: Sequence[Row], moment: dt.datetime) -> list[Row]:
    """The paid subscriptions that run at a moment, as they were known then."""
    return [row for row in newest_known(versions, moment) if runs(row, moment) and is_paid(row)]


def subscriptions(history: History, day: dt.date, first_date: dt.date) -> Row:
    """What is subscribed when the day ends, since when, and what it was 90 days earlier."""
    end, versions = end_of(day), history["subscription_versions"]
    active = subscribed(versions, end)
    earlier = subscribed(versions, end - dt.timedelta(90))
    ever = [row for row in newest_known(versions, end) if is_paid(row) and row["paid_from_at"] < end]
    ended = [row for row in ever if not runs(row, end)]
    first = date_of(min, ever, "paid_from_at")
    until = day if active else date_of(max, ended, "ended_at")
    largest = min(
        active,
        key=lambda row: (-row["mrr_amount"], row["started_at"], row["subscription_id"]),
        default=dict.fromkeys(("plan", "billing_interval", "period_ends_at")),
    )
    renews_at = largest["period_ends_at"]
    notices = [row["is_cancel_at_period_end"] for row in newest_known(versions, end) if runs(row, end)]
    said = [notice for notice in notices if notice is not None]
    paused = [row for row in active if row.get("is_paused")]
    resume_at = [row["pause_resumes_at"] for row in paused if row.get("pause_resumes_at")]
    subscribed_days = days_from(first, until)
    unseen_days = 0 if first is None else max((first_date - first).days, 0)
    return {
        "has_ever_subscribed": bool(ever),
        "is_subscriber": bool(active),
        "active_subscription_count": len(active),
        "ended_subscription_count": len(ended),
        "plan": largest["plan"],
        "billing_interval": largest["billing_interval"],
        "mrr_amount": total(active, "mrr_amount"),
        "mrr_90_days_ago_amount": total(earlier, "mrr_amount"),
        "seat_count": total(active, "seat_count"),
        "seat_90_days_ago_count": total(earlier, "seat_count"),
        "subscription_tenure_days": days_from(first, day),
        "subscribed_days": subscribed_days,
        "unseen_subscribed_days": min(unseen_days, subscribed_days or 0),
        "days_until_renewal": None if renews_at is None else (renews_at.date() - day).days,
        "is_cancel_at_period_end": any(said) if said else None,
        "paused_mrr_amount": total(paused, "list_mrr_amount"),
        "days_until_resumption": days_from(day, min(resume_at).date()) if resume_at else None,
    }


def usage(history: History, day: dt.date) -> Row:
    """Events that were known by then, by the day on which they happened."""
    known = so_far(day, history["usage_events"], "known_at")
    recent, prior = last(30, day, known, "occurred_at"), last(30, day, known, "occurred_at", 30)
    weeks = [week for week in range(12) if last(7, day, known, "occurred_at", 7 * week)]
    return {
        "has_usage_data": bool(known),
        "days_since_last_usage": days_from(date_of(max, known, "occurred_at"), day),
        "active_day_last_30_days_count": len({row["occurred_at"].date() for row in recent}),
        "active_day_prior_30_days_count": len({row["occurred_at"].date() for row in prior}),
        "active_week_last_12_weeks_count": len(weeks),
        "usage_event_last_30_days_count": len(recent),
        "usage_event_prior_30_days_count": len(prior),
        "active_user_last_30_days_count": len({row["user_ref"] for row in recent} - {None}),
        "feature_last_30_days_count": len({row["feature"] for row in recent} - {None}),
        "error_last_30_days_count": total(recent, "error_count"),
    }


def support(history: History, day: dt.date) -> Row:
    """Tickets that were opened by then; a rating counts on the day on which it is given."""
    tickets = so_far(day, history["tickets"], "opened_at")
    recent = last(90, day, tickets, "opened_at")
    ratings = [
        row["csat_rating"]
        for row in last(180, day, tickets, "rated_at")
        if row["csat_rating"] is not None and row.get("exclusion_reason") is None
    ]
    polarities = [
        row["sentiment_polarity"]
        for row in last(180, day, tickets, "opened_at")
        if row["sentiment_polarity"] is not None
    ]
    return {
        "has_ticket_data": bool(tickets),
        "ticket_last_90_days_count": len(recent),
        "open_ticket_count": len(tickets) - len(so_far(day, tickets, "solved_at")),
        "escalated_ticket_last_90_days_count": len(so_far(day, recent, "escalated_at")),
        "csat_last_180_days_rating": fmean(ratings) if ratings else None,
        "csat_last_180_days_count": len(ratings),
        "ticket_sentiment_last_180_days_polarity": fmean(polarities) if polarities else None,
    }


def surveys(history: History, day: dt.date) -> Row:
    """Answers to surveys; of two answers of one moment the one with the later id is the later."""
    answers = so_far(day, history["survey_responses"], "responded_at")
    recommending = [row for row in last(365, day, answers, "responded_at") if row["survey_kind"] == "nps"]
    latest = max(recommending, key=lambda row: (row["responded_at"], row["response_id"]), default=None)
    return {
        "nps_rating": latest["rating"] if latest else None,
        "days_since_last_survey": days_from(date_of(max, answers, "responded_at"), day),
    }


def marketing(history: History, day: dt.date) -> Row:
    """Messages of ours and visits of theirs; without a direction it was a message."""
    touches = last(180, day, history["touchpoints"], "occurred_at")
    messages = [row for row in touches if row["direction"] in (None, "outbound")]
    visits = [row for row in touches if row["direction"] not in (None, "outbound")]
    return {
        "message_last_180_days_count": len(messages),
        "message_opened_last_180_days_count": sum(row["outcome"] in RESPONSES for row in messages),
        "message_clicked_last_180_days_count": sum(
            row["outcome"] in ("clicked", "converted") for row in messages
        ),
        "web_visit_last_90_days_count": len(last(90, day, visits, "occurred_at")),
    }


def interaction(history: History, day: dt.date) -> Row:
    """The last thing that the customer did. Of marketing, only 180 days are looked through."""
    touches = last(180, day, history["touchpoints"], "occurred_at")
    done = [
        spending(history, day)["last_purchase_date"],
        date_of(max, so_far(day, history["usage_events"], "known_at"), "occurred_at"),
        date_of(max, so_far(day, history["tickets"], "opened_at"), "opened_at"),
        date_of(max, so_far(day, history["survey_responses"], "responded_at"), "responded_at"),
        date_of(
            max,
            [row for row in touches if row["direction"] == "inbound" or row["outcome"] in RESPONSES],
            "occurred_at",
        ),
    ]
    latest = max((date for date in done if date is not None), default=None)
    return {"days_since_last_interaction": days_from(latest, day)}


def features(history: History, day: dt.date, first_date: dt.date) -> Row | None:
    """The columns of `customer_features` but its key; nothing for a day on which nobody knew the customer."""
    if history["customers"][0]["customer_since_date"] > day:
        return None
    columns = subscriptions(history, day, first_date)
    for part in (profile, spending, billing, usage, support, surveys, marketing, interaction):
        columns |= part(history, day)
    return columns


def labels(history: History, day: dt.date, last_date: dt.date) -> Row:
    """Whether a subscriber of the day had left by the end of the horizon, once that day is in the data."""
    known_date = day + dt.timedelta(HORIZON_DAYS)
    versions = history["subscription_versions"]
    can_tell = subscribed(versions, end_of(day)) and known_date <= last_date
    return {
        "is_churned": not subscribed(versions, end_of(known_date)) if can_tell else None,
        "label_known_date": known_date,
    }
