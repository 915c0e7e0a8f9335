"""Flat versions of a subscription as the bronze rows that Stripe's nested ones become: one item, one discount."""

import datetime as dt
import json
from typing import Any

ITEM = ("price_ref", "product_ref", "billing_interval", "interval_count", "unit_amount", "seat_count")
EPOCH = dt.datetime(1970, 1, 1)
DISCOUNT = ("coupon_ref", "discount_percent", "discount_amount", "discount_duration", "discount_started_at",
            "discount_ends_at")  # fmt: skip


def bronze_version(version: dict[str, Any]) -> dict[str, Any]:
    """A version with `unit_amount`, `coupon_ref` and the like in columns as a row of `bronze.stripe__subscriptions`."""
    row = {name: value for name, value in version.items() if name not in ITEM + DISCOUNT}
    get = version.get
    if "unit_amount" in version:
        recurring = {"interval": get("billing_interval"), "interval_count": get("interval_count")}
        price = {"id": get("price_ref"), "product": get("product_ref"), "recurring": recurring}
        price["unit_amount"] = str(version["unit_amount"] * 100)
        row["items"] = json.dumps({"data": [{"price": price, "quantity": get("seat_count")}]})
    if get("coupon_ref"):
        coupon = {"id": version["coupon_ref"], "duration": get("discount_duration")}
        if get("discount_percent") is not None:
            coupon["percent_off"] = str(version["discount_percent"])
        if get("discount_amount") is not None:
            coupon["amount_off"] = int(version["discount_amount"] * 100)
        window = {
            name: get(f"discount_{column}") for name, column in (("start", "started_at"), ("end", "ends_at"))
        }
        seconds = {
            name: int((day - EPOCH).total_seconds()) for name, day in window.items() if day is not None
        }
        row["discount"] = json.dumps({"coupon": coupon, **seconds})
    return row
