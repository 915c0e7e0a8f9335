"""Stripe's older and newer words become those of the contract."""

from dagster_project.ingest.stripe.shapes import landing_row, line_row


def test_newer_words_for_a_bill_and_its_lines_are_found_in_their_places() -> None:
    bill = {
        "id": "in_1",
        "object": "invoice",
        "created": 5,
        "currency": "usd",
        "customer": {"id": "cus_1", "object": "customer"},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
        "total_taxes": [{"amount": 3}, {"amount": 4}],
    }
    line = {
        "id": "il_1",
        "object": "line_item",
        "amount": 10,
        "taxes": [{"amount": 7, "tax_behavior": "inclusive"}],
        "pricing": {"unit_amount_decimal": "0.5", "price_details": {"price": "price_1", "product": "prod_1"}},
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": {"subscription": "sub_1", "subscription_item": "si_1", "proration": True},
        },
    }
    row = landing_row("stripe__invoices", bill, 9)
    found = {name: row[name] for name in ("subscription", "tax", "customer", "event_created")}
    assert found == {"subscription": "sub_1", "tax": 7, "customer": "cus_1", "event_created": 9}
    row = line_row(line, bill, 9)
    expected = {
        "type": "invoiceitem",
        "price": "price_1",
        "product": "prod_1",
        "invoice": "in_1",
        "subscription": "sub_1",
        "proration": True,
        "created": 5,
        "currency": "usd",
        "tax_amounts": [{"amount": 7, "inclusive": True}],
        "subscription_item": "si_1",
        "unit_amount_decimal": "0.5",
    }
    assert {name: row[name] for name in expected} == expected


def test_newer_words_for_a_subscription_are_found_in_their_places() -> None:
    price = {
        "id": "price_1",
        "object": "price",
        "currency": "eur",
        "unit_amount": 5,
        "product": {"id": "prod_1", "object": "product"},
    }
    item = {"id": "si_1", "current_period_start": 1, "current_period_end": 2, "price": price}
    discount = {"id": "di_1", "object": "discount", "source": {"type": "coupon", "coupon": "TEN"}}
    subscription = {
        "id": "sub_1",
        "object": "subscription",
        "created": 1,
        "items": {"object": "list", "data": [item]},
        "discounts": [discount],
    }
    row = landing_row("stripe__subscriptions", subscription, 9)
    expected = {"current_period_start": 1, "current_period_end": 2, "currency": "eur", "start_date": 1}
    assert {name: row[name] for name in expected} == expected
    assert row["items"]["data"][0]["price"]["product"] == "prod_1"
    assert row["discounts"][0]["coupon"] == {"id": "TEN"}
    assert subscription["items"]["data"][0]["price"]["product"]["id"] == "prod_1"  # the source is not changed
