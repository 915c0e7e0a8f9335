"""Subscriptions as real Stripe accounts deliver them, and their recurring revenue at the month-ends, by hand."""

from stripe_account import bills, coupon, invoice, item, line, price, seconds, subscription
from stripe_cases import LATER, Case

MID_SEPTEMBER = {"proration": True, "period": {"start": seconds(2026, 9, 16), "end": seconds(2026, 10, 1)}}
TIERS = [
    {"up_to": 5, "unit_amount": 4000, "flat_amount": None},
    {"up_to": None, "unit_amount": 2000, "flat_amount": 700},
]
RECURRING = {
    "three items": Case(
        subscriptions=[subscription(item(1000), item(2500), item(4000))],
        invoices=[invoice(line(1000, 11), line(2500, 11), line(4000, 11))],
        mrr=[75] * 5,
    ),
    "items by the month and by the year": Case(
        subscriptions=[subscription(item(1000, 2), item(12000, 3, interval="year"))],
        mrr=[20 + 30] * 5,
    ),
    "a package of 100 rounds up": Case(
        subscriptions=[subscription(item(500, 250, transform_quantity={"divide_by": 100, "round": "up"}))],
        mrr=[15] * 5,
    ),
    "a price finer than the cent": Case(
        subscriptions=[subscription(item(None, 10_000, unit_amount_decimal="0.5"))], mrr=[50] * 5
    ),
    "graduated tiers": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="graduated", tiers=TIERS))],
        mrr=[5 * 40 + 7 + 2 * 20] * 5,
    ),
    "volume tiers": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="volume", tiers=TIERS))],
        mrr=[7 + 7 * 20] * 5,
    ),
    "tiers that are not shown are worth what was billed": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="graduated"))],
        invoices=[invoice(line(24700, month)) for month in range(7, 12)],
        mrr=[247] * 5,
    ),
    "metered use is no recurring revenue": Case(
        subscriptions=[subscription(item(1000), item(2, None, id="si_use", usage_type="metered"))],
        invoices=[invoice(line(1000, 11), line(1800, 11, price=price(2, usage_type="metered")))],
        mrr=[10] * 5,
        ledger={"billed": 28, "paid": 28, "net_spend": 28},
    ),
    "tiers that nothing shows": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="graduated"))],
    ),
    "a discount that is only named and was never billed": Case(subscriptions=[subscription(discounts=["di"])]),
    "use without a word that it is metered": Case(subscriptions=[subscription(item(2, None, usage_type=None))]),
    "a discount of the customer": Case(
        customer={"discount": coupon(percent_off=25, start=seconds(2026, 7, 1))},
        subscriptions=[subscription()],
        mrr=[7.5] * 5,
    ),
    "the subscription's own discount comes before the customer's": Case(
        customer={"discount": coupon(percent_off=25, start=seconds(2026, 7, 1))},
        subscriptions=[subscription(discounts=[coupon(percent_off=10)])],
        mrr=[9] * 5,
    ),
    "a discount of one item": Case(
        subscriptions=[subscription(item(1000, discounts=[coupon(percent_off=50)]), item(2000))], mrr=[25] * 5
    ),
    "two discounts, one after the other": Case(
        subscriptions=[
            subscription(item(10_000), discounts=[coupon(percent_off=20), coupon(amount_off=1000, id="co2")])
        ],
        mrr=[70] * 5,
    ),
    "an amount off is shared by the items": Case(
        subscriptions=[subscription(item(1000), item(2000), discounts=[coupon(amount_off=1000)])], mrr=[20] * 5
    ),
    "an amount off one of two items": Case(
        subscriptions=[subscription(item(1000, discounts=[coupon(amount_off=500)]), item(2000))], mrr=[25] * 5
    ),
    "an amount off for one product alone": Case(
        subscriptions=[
            subscription(
                item(1000, product="book"), item(2000),
                discounts=[coupon(amount_off=500, applies_to={"products": ["book"]})],
            )
        ],
        mrr=[25] * 5,
    ),
    "a price in another currency is worth what was billed": Case(
        subscriptions=[subscription(item(1000), currency="eur")],
        invoices=bills(range(7, 12), amount=900, line={"currency": "eur"}, currency="eur"),
        mrr=[10.17] * 5,
    ),
    "a price with an amount for the currency": Case(
        subscriptions=[subscription(item(1000, currency_options={"eur": {"unit_amount": 920}}), currency="eur")],
        mrr=[10.40] * 5,
    ),
    "a price whose amount for the currency is in the list of prices": Case(
        prices=[price(1001, created=LATER, currency_options={"eur": {"unit_amount_decimal": "920"}})],
        subscriptions=[subscription(item(1001), currency="eur")],
        mrr=[10.40] * 5,
    ),
    "an amount off in further currencies": Case(
        subscriptions=[
            subscription(
                item(1000, currency="eur"), currency="eur",
                discounts=[coupon(amount_off=300, currency="usd", currency_options={"eur": {"amount_off": 250}})],
            )
        ],
        mrr=[8.48] * 5,
    ),
    "an amount off in another currency is worth what was billed": Case(
        subscriptions=[
            subscription(
                item(1000, currency="eur"), currency="eur", discounts=[coupon(amount_off=300, currency="usd")]
            )
        ],
        invoices=bills(range(7, 12), line={"discount": 200, "currency": "eur"}, currency="eur"),
        mrr=[9.04] * 5,
    ),
    "a coupon that is only named inside its discount": Case(
        subscriptions=[subscription(discounts=[{"id": "di", "object": "discount", "source": {"coupon": "TEN"}}])],
        invoices=bills(range(7, 12), line={"discount": 100}),
        mrr=[9] * 5,
    ),
    "two taxes that are included": Case(
        subscriptions=[
            subscription(item(1200), default_tax_rates=[{"percentage": rate, "inclusive": True} for rate in (5, 15)])
        ],
        mrr=[10] * 5,
    ),
    "a discount that ends in September": Case(
        subscriptions=[
            subscription(discount=coupon(percent_off=50, start=seconds(2026, 7, 1), end=seconds(2026, 9, 15)))
        ],
        mrr=[5, 5, 10, 10, 10],
    ),
    "discounts that are only named are worth what was billed": Case(
        subscriptions=[subscription(discounts=["di"])],
        invoices=bills(range(7, 12), line={"discount": 200}),
        mrr=[8] * 5,
    ),
    "a coupon that ended before the first read": Case(
        subscriptions=[subscription()],
        invoices=bills(range(7, 10), line={"discount": 500}) + bills(range(10, 12)),
        mrr=[5, 5, 5, 10, 10],
    ),
    "a coupon for one bill is no recurring discount": Case(
        subscriptions=[subscription()],
        invoices=bills(range(7, 8), line={"discount": 500}) + bills(range(8, 12)),
        mrr=[10] * 5,
    ),
    "paused since September": Case(
        subscriptions=[subscription(pause_collection={"behavior": "void", "resumes_at": None})],
        invoices=bills(range(7, 10))
        + [invoice(line(1000, month), status="void", status_transitions={}) for month in (10, 11)],
        mrr=[10, 10, 10, 0, 0],
    ),
    "paused a moment ago": Case(
        subscriptions=[subscription(pause_collection={"behavior": "keep_as_draft", "resumes_at": None})],
        invoices=bills(range(7, 12)),
        mrr=[10] * 5,
    ),
    "seats and price before the first read": Case(
        subscriptions=[subscription(item(1500, 3))],
        invoices=[invoice(line(2000, month, quantity=2, price=price(1000))) for month in range(7, 10)]
        + [invoice(line(4500, month, quantity=3, price=price(1500))) for month in range(10, 12)],
        mrr=[20, 20, 20, 45, 45],
    ),
    "an upgrade in mid-month before the first read": Case(
        subscriptions=[subscription(item(1000, 3))],
        invoices=[
            *bills(range(7, 9)),
            invoice(
                line(-500, id="a", proration=True, quantity=1, price=price(1000),
                     period={"start": seconds(2026, 8, 16), "end": seconds(2026, 9, 1)}),
                line(1500, id="b", proration=True, quantity=3, price=price(1000),
                     period={"start": seconds(2026, 8, 16), "end": seconds(2026, 9, 1)}),
                created=seconds(2026, 8, 16),
            ),
            *[invoice(line(3000, month, quantity=3)) for month in range(9, 12)],
        ],
        mrr=[10, 30, 30, 30, 30],
    ),
    "an item that was taken away before the first read": Case(
        subscriptions=[subscription(item(1000))],
        invoices=[
            invoice(
                line(1000, month, subscription_item="si_1000"),
                line(400, month, subscription_item="si_gone", price=price(400)),
            )
            for month in (7, 8)
        ],
        mrr=[14, 14, 10, 10, 10],
    ),
    "an item that another replaced in mid-month before the first read": Case(
        subscriptions=[subscription(item(1500))],
        invoices=[
            *[invoice(line(1000, month, subscription_item="si_old", price=price(1000))) for month in (7, 8, 9)],
            invoice(
                line(-500, subscription_item="si_old", price=price(1000), **MID_SEPTEMBER),
                line(750, subscription_item="si_1500", price=price(1500), **MID_SEPTEMBER),
            ),
            *[invoice(line(1500, month, subscription_item="si_1500", price=price(1500))) for month in (10, 11)],
        ],
        mrr=[10, 10, 15, 15, 15],
    ),
    "tax that is included in the price": Case(
        subscriptions=[subscription(item(1190, tax_behavior="inclusive"))],
        invoices=bills(range(7, 12), amount=1190, line={"tax_amounts": [{"amount": 190, "inclusive": True}]}),
        mrr=[10] * 5,
        ledger={"billed": 59.5, "paid": 59.5},
    ),
    "a discount on a price with tax": Case(
        subscriptions=[subscription(item(1190), discount=coupon(percent_off=10))],
        invoices=bills(
            range(7, 12), amount=1190, line={"discount": 119, "tax_amounts": [{"amount": 171, "inclusive": True}]}
        ),
        mrr=[9] * 5,
    ),
    "notice for a day ahead": Case(
        subscriptions=[subscription(cancel_at=seconds(2026, 12, 24))], mrr=[10] * 5
    ),
}  # fmt: skip
