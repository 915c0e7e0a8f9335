"""Bills, payments and what goes back as real Stripe accounts deliver them, and what became of them, by hand."""

from stripe_account import charge, invoice, line, listed, payment, seconds
from stripe_cases import LATER, Case

GIVEN_UP = {"marked_uncollectible_at": seconds(2026, 9, 4)}
MONEY = {
    "paid, then credited to the balance": Case(
        invoices=[invoice(line(10000), post_payment_credit_notes_amount=4000)],
        ledger={"billed": 100, "paid": 100, "credited": 40, "balance": -40, "net_spend": 100},
    ),
    "credited in full before payment": Case(
        invoices=[invoice(line(10000), pre_payment_credit_notes_amount=10000, amount_paid=0)],
        ledger={"billed": 100, "paid": 0, "credited": 100, "net_spend": 0},
    ),
    "credited in part before payment": Case(
        invoices=[invoice(line(10000), pre_payment_credit_notes_amount=3000, amount_paid=7000)],
        ledger={"billed": 100, "paid": 70, "credited": 30, "net_spend": 70},
    ),
    "open, and credited in part": Case(
        invoices=[
            invoice(line(10000), status="open", pre_payment_credit_notes_amount=3000, amount_remaining=7000)
        ],
        ledger={"billed": 100, "open": 70, "credited": 30, "net_spend": 0},
    ),
    "a credit note before and after payment at once": Case(
        invoices=[
            invoice(
                line(10000), id="in_mixed", amount_paid=7000, pre_payment_credit_notes_amount=3000,
                post_payment_credit_notes_amount=2000,
            )
        ],
        charges=[charge(7000, id="ch_mixed", invoice="in_mixed")],
        refunds=[{"id": "re_mixed", "charge": "ch_mixed", "status": "succeeded", "amount": 500, "currency": "usd",
                  "created": LATER}],
        credit_notes=[
            {"invoice": "in_mixed", "status": "issued", "type": "mixed", "total": 5000, "pre_payment_amount": 3000,
             "post_payment_amount": 2000, "currency": "usd", "created": LATER, "out_of_band_amount": None,
             "refunds": [{"refund": "re_mixed", "amount_refunded": 500}]},
        ],
        ledger={"billed": 100, "paid": 65, "refunded": 5, "credited": 45, "balance": -15, "net_spend": 65},
    ),
    "credit notes to the balance and to the card": Case(
        invoices=[invoice(line(10000), id="in_noted", post_payment_credit_notes_amount=5000)],
        charges=[charge(10000, id="ch_noted", invoice="in_noted")],
        refunds=[{"id": "re_noted", "charge": "ch_noted", "status": "succeeded", "amount": 2000, "currency": "usd",
                  "created": seconds(2026, 9, 5)}],
        credit_notes=[
            {"id": "cn_card", "invoice": "in_noted", "status": "issued", "type": "post_payment", "total": 2000,
             "currency": "usd", "created": seconds(2026, 9, 5), "refund": "re_noted"},
            {"id": "cn_balance", "invoice": "in_noted", "status": "issued", "type": "post_payment", "total": 3000,
             "currency": "usd", "created": seconds(2026, 9, 6)},
        ],
        ledger={"billed": 100, "paid": 80, "refunded": 20, "credited": 30, "balance": -30, "net_spend": 80},
    ),
    "a negative invoice after a positive one": Case(
        invoices=[
            invoice(line(2000)),
            invoice(line(-1000, id="a", proration=True), line(500, id="b", proration=True)),
        ],
        ledger={"billed": 15, "paid": 20, "balance": -5, "net_spend": 20},
    ),
    "credit by hand pays 30 of 100": Case(
        invoices=[
            invoice(
                line(10000), id="in_by_hand", starting_balance=-3000, ending_balance=0, amount_due=7000,
                amount_paid=7000,
            )
        ],
        charges=[charge(7000, invoice="in_by_hand")],
        ledger={"billed": 100, "paid": 70, "balance": 30, "net_spend": 70},
    ),
    "credit by hand on an open bill": Case(
        invoices=[
            invoice(
                line(10000), status="open", starting_balance=-3000, ending_balance=0, amount_due=7000,
                amount_remaining=7000,
            )
        ],
        ledger={"billed": 100, "open": 70, "balance": 30, "net_spend": 0},
    ),
    "a downgrade, and the bill that uses its credit": Case(
        invoices=[
            invoice(line(2000)),
            invoice(line(-1000, id="a"), line(500, id="b"), starting_balance=0, ending_balance=-500),
            invoice(line(2000), starting_balance=-500, ending_balance=0, amount_due=1500, amount_paid=1500),
        ],
        ledger={"billed": 35, "paid": 35, "balance": 0, "net_spend": 35},
    ),
    "a credit note to the balance, and the bill that uses it": Case(
        invoices=[
            invoice(line(10000), post_payment_credit_notes_amount=4000),
            invoice(line(10000), starting_balance=-4000, ending_balance=0, amount_due=6000, amount_paid=6000),
        ],
        ledger={"billed": 200, "paid": 160, "credited": 40, "balance": 0, "net_spend": 160},
    ),
    "a credit note that is paid out elsewhere": Case(
        invoices=[invoice(line(10000), id="in_elsewhere", post_payment_credit_notes_amount=4000)],
        credit_notes=[
            {"invoice": "in_elsewhere", "status": "issued", "type": "post_payment", "total": 4000, "currency": "usd",
             "created": LATER, "out_of_band_amount": 2500},
        ],
        ledger={"billed": 100, "paid": 75, "credited": 40, "balance": -15, "net_spend": 75},
    ),
    "too little to charge, and the bill that adds it": Case(
        invoices=[
            invoice(line(30), starting_balance=0, ending_balance=30, amount_due=0, amount_paid=0),
            invoice(line(1000), starting_balance=30, ending_balance=0, amount_due=1030, amount_paid=1030),
        ],
        ledger={"billed": 10.3, "paid": 10.3, "balance": 0, "net_spend": 10.3},
    ),
    "charges without invoice": Case(
        charges=[charge(5000), charge(7000)], ledger={"billed": 120, "paid": 120, "net_spend": 120}
    ),
    "a charge that is refunded in part": Case(
        charges=[charge(5000, id="ch_part")],
        refunds=[{"id": "re_part", "charge": "ch_part", "status": "succeeded", "amount": 2000, "currency": "usd",
                  "created": seconds(2026, 9, 5)}],
        ledger={"billed": 50, "paid": 30, "refunded": 20, "net_spend": 30},
    ),
    "a refund that names the payment intent alone": Case(
        charges=[
            charge(5000, id="ch_failed_first", payment_intent="pi_back", status="failed"),
            charge(5000, payment_intent="pi_back"),
        ],
        refunds=[
            {"charge": None, "payment_intent": "pi_back", "status": "succeeded", "amount": 2000, "currency": "usd",
             "created": LATER},
        ],
        ledger={"billed": 50, "paid": 30, "refunded": 20, "net_spend": 30},
    ),
    "guests without a customer": Case(
        charges=[
            charge(5000, id="ch_guest", customer=None, billing_details={"email": "Guest@Mail.Example"}),
            charge(700, customer=None, billing_details={"email": None}, receipt_email="guest@mail.example"),
            charge(900, id="ch_nobody", customer=None, billing_details={"email": None}),
        ],
        refunds=[
            {"charge": name, "status": "succeeded", "amount": 400, "currency": "usd", "created": LATER}
            for name in ("ch_guest", "ch_nobody")
        ],
        ledger={"billed": 57, "paid": 53, "refunded": 4, "net_spend": 53},
        named="guest",
    ),
    "authorized, captured in part, and pending": Case(
        charges=[
            charge(5000, captured=False, amount_captured=0), charge(5000, amount_captured=3500),
            charge(900, status="pending", amount_captured=0, captured=True), charge(100, status="failed"),
        ],
        ledger={"billed": 44, "paid": 35, "open": 9, "net_spend": 35},
    ),
    "a dispute that was lost, and one that was won": Case(
        invoices=[invoice(line(10000), id="in_lost"), invoice(line(3000), id="in_won")],
        charges=[charge(10000, id="ch_lost", invoice="in_lost"), charge(3000, id="ch_won", invoice="in_won")],
        disputes=[
            {"charge": "ch_lost", "status": "lost", "amount": 10000, "currency": "usd", "created": LATER},
            {"charge": "ch_won", "status": "won", "amount": 3000, "currency": "usd", "created": LATER},
        ],
        ledger={"billed": 130, "paid": 30, "refunded": 100, "net_spend": 30},
    ),
    "what was authorized and never taken, and the rest of a capture": Case(
        charges=[
            charge(5000, id="ch_let_go", captured=False, amount_captured=0),
            charge(5000, id="ch_rest", amount_captured=3500),
        ],
        refunds=[
            {"charge": name, "status": "succeeded", "amount": amount, "currency": "usd", "created": LATER}
            for name, amount in (("ch_let_go", 5000), ("ch_rest", 1500), ("ch_rest", 1000))
        ],
        ledger={"billed": 35, "paid": 25, "refunded": 10, "net_spend": 25},
    ),
    "a payment that only its intent ties to the invoice": Case(
        invoices=[invoice(line(1000), payment_intent="pi_tied")],
        charges=[charge(1000, payment_intent="pi_tied")],
        ledger={"billed": 10, "paid": 10, "net_spend": 10},
    ),
    "a list of two payments, of which one is refunded in part and one is lost in a dispute": Case(
        invoices=[
            invoice(
                line(10000),
                payments=listed(
                    payment(4000, LATER, payment_intent="pi_first"), payment(6000, LATER, charge="ch_second"),
                    payment(None, payment_intent="pi_never"),
                ),
            )
        ],
        charges=[
            charge(4000, id="ch_first_failed", payment_intent="pi_first", status="failed", created=LATER),
            charge(4000, id="ch_first", payment_intent="pi_first", created=LATER),
            charge(6000, id="ch_second", payment_intent="pi_second", created=LATER),
        ],
        refunds=[{"charge": "ch_first", "status": "succeeded", "amount": 1000, "currency": "usd", "created": LATER}],
        disputes=[{"charge": "ch_second", "status": "lost", "amount": 6000, "currency": "usd", "created": LATER}],
        ledger={"billed": 100, "paid": 30, "refunded": 70, "open": 0, "net_spend": 30},
    ),
    "a list of payments that have paid a part of an open bill": Case(
        invoices=[
            invoice(
                line(10000), status="open", amount_paid=4000, amount_remaining=6000,
                payments=listed(payment(1500, LATER, charge={"id": "ch_written_out", "object": "charge"}),
                                payment(2500, LATER), payment(None, payment_intent="pi_due")),
            )
        ],
        charges=[charge(1500, id="ch_written_out", created=LATER),
                 charge(6000, payment_intent="pi_due", status="failed")],
        ledger={"billed": 100, "paid": 40, "open": 60, "net_spend": 40},
    ),
    "a list in yen, and a charge that took more than its part of the bill": Case(
        invoices=[
            invoice(
                line(12000, currency="jpy"), currency="jpy",
                payments=listed(payment(12000, LATER, payment_intent="pi_more")),
            )
        ],
        charges=[charge(15000, payment_intent="pi_more", currency="jpy")],
        ledger={"billed": 80.4, "paid": 80.4, "net_spend": 80.4},
    ),
    "amounts of a currency with small coins": Case(
        invoices=[invoice(line(1_200_000_000, currency="jpy"), currency="jpy")], ledger={"open": 0}
    ),
    "given up after a part was paid": Case(
        invoices=[
            invoice(
                line(10000), id="in_part", status="uncollectible", amount_paid=4000, amount_remaining=6000,
                status_transitions=GIVEN_UP,
            )
        ],
        charges=[charge(4000, invoice="in_part")],
        ledger={"billed": 100, "paid": 40, "written_off": 60, "net_spend": 40},
    ),
    "void and given up before the first read": Case(
        invoices=[
            invoice(line(1000), status="void", status_transitions={"voided_at": seconds(2026, 9, 3)}),
            invoice(line(2000), status="uncollectible", status_transitions=GIVEN_UP),
        ],
        ledger={"billed": 20, "paid": 0, "written_off": 20, "net_spend": 0},
    ),
}  # fmt: skip
