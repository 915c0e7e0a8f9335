"""Month-end revenue worked out one subscription and one moment at a time, from the definitions in words.

Nothing here knows of periods, cuts or windows: it asks of a moment which version speaks of it, and what that is worth.
"""

import datetime as dt
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

PAID = {"active", "past_due", "unpaid", "canceled"}
CENT = Decimal("0.01")
MONTHS = {"month": 1, "year": 12}


def to_the_cent(amount: Fraction) -> Decimal:
    """Half a cent up."""
    return Decimal((amount * 200 + 1) // 2) * CENT


def in_usd(amount: Decimal, rate: Decimal) -> Decimal:
    """The amount in dollars."""
    return amount if rate == 1 else (amount * rate).quantize(CENT, ROUND_HALF_UP)


def effective_times(versions: list[dict[str, Any]]) -> list[dt.datetime]:
    """From when each version speaks; `versions` in the order in which they were reported."""
    times = [min(versions[0]["modified_at"], versions[0]["started_at"])]
    for before, version in zip(versions, versions[1:], strict=False):
        claims = [version["modified_at"]]
        if before["status"] == "trialing" and version["status"] != "trialing":
            claims.append(paid_from(version))
        if version["coupon_ref"] != before["coupon_ref"] and version["discount_started_at"]:
            claims.append(version["discount_started_at"])
        if version["period_started_at"] == before["period_ends_at"]:
            claims.append(version["period_started_at"])
        times.append(max(version["started_at"], min(claims)))
    return times


def paid_from(version: dict[str, Any]) -> dt.datetime:
    """When the paid time begins."""
    started: dt.datetime = version["started_at"]
    return max(started, version["trial_ended_at"] or started)


def ended_at(version: dict[str, Any]) -> dt.datetime | None:
    """When the subscription ended, as far as the version knows."""
    end: dt.datetime | None = version["ended_at"]
    if version["status"] == "canceled":
        end = end or version["canceled_at"] or version["modified_at"]
    return end


def price_at(version: dict[str, Any], moment: dt.datetime) -> Decimal:
    """What the version is worth per month at a moment, in its currency."""
    bill = version["unit_amount"] * version["seat_count"]
    counts = version["coupon_ref"] is not None and version["discount_duration"] != "once"
    starts, ends = version["discount_started_at"], version["discount_ends_at"]
    if counts and (starts is None or starts <= moment) and (ends is None or moment < ends):
        if version["discount_percent"] is not None:
            kept = 100 - version["discount_percent"]
            bill = to_the_cent(Fraction(bill) * Fraction(kept) / 100)
        else:
            bill = max(bill - version["discount_amount"], Decimal(0))
    months = MONTHS[version["billing_interval"]] * version["interval_count"]
    return to_the_cent(Fraction(bill) / months)


def revenue_at(versions: list[dict[str, Any]], moment: dt.datetime, rates: dict[str, Decimal]) -> Decimal:
    """Recurring revenue per month of one subscription at a moment, in dollars."""
    versions = sorted(versions, key=lambda version: version["modified_at"])
    times = effective_times(versions)
    end = ended_at(versions[-1])
    speaking = [version for version, time in zip(versions, times, strict=True) if time <= moment]
    if not speaking or (end is not None and end <= moment):
        return Decimal(0)
    version = speaking[-1]
    resumes = version["pause_resumes_at"]
    is_paused = version["pause_behavior"] is not None and (resumes is None or moment < resumes)
    if version["status"] not in PAID or moment < paid_from(version) or is_paused:
        return Decimal(0)
    return in_usd(price_at(version, moment), rates[version["currency"]])


def month_end_revenue(
    versions: list[dict[str, Any]],
    identities: dict[str, str],
    month_ends: dict[dt.date, dt.datetime],
    rates: dict[str, Decimal],
) -> dict[tuple[str, dt.date], Decimal]:
    """Revenue above 0 by customer and month; `month_ends` gives the moment after the last of each month."""
    by_subscription = defaultdict(list)
    for version in versions:
        by_subscription[version["subscription_ref"]].append(version)
    revenue: dict[tuple[str, dt.date], Decimal] = defaultdict(Decimal)
    for history in by_subscription.values():
        for month, end in month_ends.items():
            amount = revenue_at(history, end - dt.timedelta(microseconds=1), rates)
            if amount:
                revenue[identities[history[0]["customer_ref"]], month] += amount
    return dict(revenue)
