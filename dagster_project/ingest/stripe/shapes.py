"""Stripe's objects become landing rows in the words of the contract.

The contract speaks the words of API version 2025-02-24; where an account or a server answers in older words (`plan`
for `price`) or newer ones (`parent`, `pricing`, `taxes`), they are found there. Amounts stay in the minor units that
Stripe writes. Not here: which objects are read, and when (`reads.py`).
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from dagster_project.contracts import landing_contract
from dagster_project.ingest.streams import Record

API_VERSION = "2025-02-24.acacia"
"""The last one with `invoice` on a charge and `subscription` on an invoice; 2025-03-31.basil moved or removed both."""

LINKS = frozenset(
    {
        "client_secret",
        "confirmation_secret",
        "hosted_invoice_url",
        "invoice_pdf",
        "pdf",
        "receipt_url",
    }
)
"""Whoever has one of these needs no password, and Stripe may write them anew on every read: never landed."""


def landing_row(object_name: str, source: Record, version: int) -> Record:
    """One object of Stripe as a row of its landing object.

    Args:
        object_name: `stripe__invoices`.
        source: The object as the API gave it; never changed.
        version: `event_created` of the row: unix seconds.
    """
    row = _plain(object_name, source)
    if object_name in _SHAPES:
        row = _SHAPES[object_name](row)
    return {**row, "event_created": version}


def line_row(line: Record, invoice: Record, version: int) -> Record:
    """One line of an invoice as a row of `stripe__invoice_lines`."""
    row = _plain("stripe__invoice_lines", line)
    parent = _part(line, "parent")
    origin = _part(parent, "subscription_item_details") or _part(parent, "invoice_item_details")
    sold = _part(_part(line, "pricing"), "price_details")
    price = _part(line, "price") or _part(line, "plan")
    row["invoice"] = invoice.get("id")
    _fill(row, "created", invoice.get("created"), invoice.get("date"))
    _fill(row, "currency", invoice.get("currency"))
    _fill(row, "type", _LINE_TYPES.get(str(parent.get("type"))))
    _fill(row, "subscription", origin.get("subscription"))
    _fill(row, "proration", origin.get("proration"))
    _fill(row, "price", price.get("id"), _id(sold.get("price")))
    _fill(row, "product", _id(price.get("product")), _id(sold.get("product")))
    _fill(row, "subscription_item", origin.get("subscription_item"))
    unit = _part(line, "pricing").get("unit_amount_decimal") or price.get("unit_amount_decimal")
    _fill(row, "unit_amount_decimal", unit, price.get("unit_amount"), price.get("amount"))
    _fill(row, "recurring", price.get("recurring"), price if price.get("interval") else None)
    if isinstance(line.get("taxes"), list) and not line.get("tax_amounts"):
        row["tax_amounts"] = [
            {"amount": tax.get("amount"), "inclusive": tax.get("tax_behavior") == "inclusive"}
            for tax in line["taxes"]
            if isinstance(tax, dict)
        ]
    return {**row, "event_created": version}


def removed_line_row(landed: Record, version: int) -> Record:
    """A landed line that its draft invoice lost: it bills nothing any more, so that lines still sum to the bill."""
    nothing: Record = {"amount": 0, "quantity": 0, "discount_amounts": [], "tax_amounts": []}
    return {**landed, **nothing, "deleted": True, "event_created": version}


def _plain(object_name: str, source: Record) -> Record:
    """Without links and lists of other objects; an object that was expanded is its id again."""
    json_fields = _json_fields(object_name)
    return {
        name: value if name in json_fields or name == "metadata" else _id(value)
        for name, value in source.items()
        if name not in LINKS and (name in json_fields or not _is_list(value))
    }


@cache
def _json_fields(object_name: str) -> frozenset[str]:
    return frozenset(field.name for field in landing_contract(object_name).fields if field.is_json)


def _is_list(value: Any) -> bool:
    return isinstance(value, dict) and value.get("object") == "list"


def _id(value: Any) -> Any:
    """The id of an object, when the value is one; else the value."""
    return value["id"] if isinstance(value, dict) and value.get("id") and value.get("object") else value


def _part(record: Any, name: str) -> Record:
    value = record.get(name) if isinstance(record, dict) else None
    return value if isinstance(value, dict) else {}


def _fill(row: Record, name: str, *places: Any) -> None:
    """Take a field from the first other place that has it when it has nothing itself; no place, no field."""
    found = next((place for place in places if place is not None), None)
    if row.get(name) is None and found is not None:
        row[name] = found


def _price(row: Record) -> Record:
    """A price; a plan, its older word, says the same with other names."""
    if "amount" in row or "interval" in row:
        _fill(row, "unit_amount", row.get("amount"))
        interval = {"interval": row.get("interval"), "interval_count": row.get("interval_count")}
        _fill(row, "recurring", interval if row.get("interval") else None)
    return row


def _subscription(row: Record) -> Record:
    listed = _part(row, "items")
    if isinstance(listed.get("data"), list):
        items = [_item(item) for item in listed["data"] if isinstance(item, dict)]
        row["items"] = {**listed, "data": items}
        first = items[0] if items else {}
        _fill(row, "currency", _part(first, "price").get("currency"))
        _fill(row, "current_period_start", first.get("current_period_start"))
        _fill(row, "current_period_end", first.get("current_period_end"))
    _fill(row, "start_date", row.get("start"), row.get("created"))
    return _with_coupons(row)


def _with_coupons(row: Record) -> Record:
    """Its discounts with the coupon where older words have it; newer ones keep it under `source`."""
    if isinstance(row.get("discount"), dict):
        row["discount"] = _discount(row["discount"])
    if isinstance(row.get("discounts"), list):
        row["discounts"] = [_discount(part) if isinstance(part, dict) else part for part in row["discounts"]]
    return row


def _discount(discount: Record) -> Record:
    coupon = discount.get("coupon") or _part(discount, "source").get("coupon")
    return (
        {**discount, "coupon": coupon if isinstance(coupon, dict) else {"id": coupon}} if coupon else discount
    )


def _item(item: Record) -> Record:
    price = _part(item, "price") or _part(item, "plan")
    if not price:
        return item
    return _with_coupons({**item, "price": _price({**price, "product": _id(price.get("product"))})})


def _invoice(row: Record) -> Record:
    _fill(row, "subscription", _part(_part(row, "parent"), "subscription_details").get("subscription"))
    _fill(row, "created", row.get("date"))
    _fill(row, "total_discount_amounts", [] if row.get("discount") is None and "discount" in row else None)
    taxes = row.get("total_taxes") or row.get("total_tax_amounts")
    if isinstance(taxes, list):
        _fill(row, "tax", sum(part.get("amount") or 0 for part in taxes if isinstance(part, dict)))
    due, paid = row.get("amount_due"), row.get("amount_paid")
    if "amount_remaining" not in row and isinstance(due, int) and isinstance(paid, int):
        row["amount_remaining"] = due - paid  # older words have no field for it
    return row


_LINE_TYPES = {"subscription_item_details": "subscription", "invoice_item_details": "invoiceitem"}
_SHAPES: dict[str, Callable[[Record], Record]] = {
    "stripe__customers": _with_coupons,
    "stripe__prices": _price,
    "stripe__subscriptions": _subscription,
    "stripe__invoices": _invoice,
}
