"""Stripe: which of its objects are read, with which permission, and what changes them.

Not here: how an object is read (`reads.py`) and how it becomes a row (`shapes.py`).
"""

import datetime as dt
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

from dagster_project.ingest.api_client import ApiClient, HttpLimits
from dagster_project.ingest.batches import land_streams
from dagster_project.ingest.streams import Landed, Probe, SourceError, Stream
from dagster_project.ingest.stripe.landed import CONNECTOR, NewestRows
from dagster_project.ingest.stripe.reads import LINES, ObjectRead, StripeObject
from dagster_project.ingest.stripe.shapes import API_VERSION

LOGGER = logging.getLogger(__name__)
KEY_ADVICE = "check CUSTINT_STRIPE_API_KEY"


def _types(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names)


_CHANGES = ("created", "updated", "deleted")
OBJECTS = (
    StripeObject(
        "stripe__customers", ("/v1/customers",), "Customers", "customer", _types("customer", *_CHANGES)
    ),
    StripeObject("stripe__products", ("/v1/products",), "Products", "product", _types("product", *_CHANGES)),
    StripeObject(
        "stripe__prices",
        ("/v1/prices", "/v1/plans"),  # servers of before 2020 know only plans
        "Prices",
        "price",
        _types("price", *_CHANGES),
        expand=("tiers", "currency_options"),
    ),
    StripeObject(
        "stripe__subscriptions",
        ("/v1/subscriptions",),
        "Subscriptions",
        "subscription",
        _types(
            "customer.subscription",
            *_CHANGES,
            "paused",
            "resumed",
            "pending_update_applied",
            "pending_update_expired",
            "trial_will_end",
        ),
        params={"status": "all"},  # without it the canceled ones are left out
        expand=("discounts.coupon.applies_to", "discounts.coupon.currency_options", "items.data.discounts"),
    ),
    StripeObject(
        "stripe__invoices",
        ("/v1/invoices",),
        "Invoices",
        "invoice",
        (
            *_types(
                "invoice",
                *_CHANGES,
                "finalization_failed",
                "finalized",
                "marked_uncollectible",
                "overdue",
                "paid",
                "payment_action_required",
                "payment_failed",
                "payment_succeeded",
                "sent",
                "voided",
            ),
            *_types("invoiceitem", "created", "deleted"),
            *_types("credit_note", "created", "updated", "voided"),  # change what is still owed
        ),
    ),
    StripeObject(
        "stripe__charges",
        ("/v1/charges",),
        "Charges",
        "charge",
        (
            *_types("charge", "captured", "expired", "failed", "pending", "refunded", "succeeded", "updated"),
            *_types("charge.dispute", "created", "closed"),
        ),
    ),
    StripeObject(
        "stripe__refunds",
        ("/v1/refunds",),
        "Refunds",
        "refund",
        (*_types("refund", "created", "updated", "failed"), "charge.refund.updated"),
        is_new_without_event=True,
    ),
    StripeObject(
        "stripe__credit_notes",
        ("/v1/credit_notes",),
        "Credit notes",
        "credit_note",
        _types("credit_note", "created", "updated", "voided"),
    ),
    StripeObject(
        "stripe__disputes",
        ("/v1/disputes",),
        "Disputes",
        "dispute",
        _types("charge.dispute", "created", "updated", "closed", "funds_withdrawn", "funds_reinstated"),
    ),
)


def _newest(answer: Any) -> str:
    """When the first object of a list was created, in words; Stripe lists the newest first."""
    rows = answer.get("data") if isinstance(answer, dict) else None
    created = rows[0].get("created") if rows and isinstance(rows[0], dict) else None
    return (
        f"{dt.datetime.fromtimestamp(created, dt.UTC):%Y-%m-%d %H:%M:%S}" if isinstance(created, int) else ""
    )


def _objects(stripe_object: StripeObject) -> tuple[str, ...]:
    is_invoice = stripe_object.object_name == "stripe__invoices"
    return (stripe_object.object_name, LINES) if is_invoice else (stripe_object.object_name,)


class Stripe:
    """The connector of one Stripe account.

    Args:
        api_key: Secret or restricted key.
        api_base: `https://api.stripe.com`, or a server that speaks like it.
        landing_dir: Root of the landing zone.
        limits: Timeouts and retries.
        batch_rows: Rows after which a batch is committed.
        full_read_days: Everything is read again after so many days, changed or not.
    """

    name = CONNECTOR
    objects = tuple(name for stripe_object in OBJECTS for name in _objects(stripe_object))

    def __init__(
        self,
        api_key: str,
        api_base: str,
        landing_dir: Path,
        limits: HttpLimits,
        batch_rows: int,
        full_read_days: int,
    ) -> None:
        self._api_key = api_key
        self._api_base = api_base
        self._landing_dir = landing_dir
        self._limits = limits
        self._batch_rows = batch_rows
        self._full_read_days = full_read_days

    def land(self, read_at: dt.datetime) -> Iterator[Landed]:
        """Read what is new into landing, object after object; a failing object does not keep the others back.

        Args:
            read_at: When the run began, UTC without zone.

        Yields:
            One result per landing object.
        """
        clients: list[ApiClient] = []
        without_events: list[str] = []
        yield from land_streams(
            self._landing_dir,
            self.name,
            self._streams(read_at, clients, without_events),
            read_at,
            self._batch_rows,
            lambda: sum(client.call_count for client in clients),
        )
        if without_events:  # every object says the same: once is enough
            LOGGER.warning("%s", without_events[0])

    def _streams(
        self, read_at: dt.datetime, clients: list[ApiClient], without_events: list[str]
    ) -> Iterator[Stream]:
        for stripe_object in OBJECTS:
            clients.append(self._client(stripe_object))
            read = ObjectRead(
                stripe_object,
                clients[-1],
                NewestRows(self._landing_dir, stripe_object.object_name),
                NewestRows(self._landing_dir, LINES),
                read_at,
                self._full_read_days,
                without_events.append,
            )
            yield Stream(_objects(stripe_object), read.pages, has_own_version=False)

    def probe(self) -> list[Probe]:
        """One cheap call per object.

        Raises:
            SourceError: Stripe cannot be reached, or refuses the key.
        """
        return [probe for stripe_object in OBJECTS for probe in self._probes(stripe_object)]

    def _probes(self, stripe_object: StripeObject) -> list[Probe]:
        client = self._client(stripe_object)
        note = ""
        for path in stripe_object.paths:
            try:
                newest = _newest(client.get(path, {**stripe_object.params, "limit": 1}))
                return [Probe(name, True, newest) for name in _objects(stripe_object)]
            except SourceError as error:
                if error.stops_source:
                    raise
                note = str(error)
                if error.status != 404:
                    break
        return [Probe(name, False, note=note) for name in _objects(stripe_object)]

    def _client(self, stripe_object: StripeObject) -> ApiClient:
        return ApiClient(
            "Stripe",
            self._api_base,
            self._limits,
            auth=BearerTokenAuth(token=self._api_key),
            headers={"Stripe-Version": API_VERSION},
            secrets=(self._api_key,),
            advice={
                401: KEY_ADVICE,
                403: f"allow the key of CUSTINT_STRIPE_API_KEY to read {stripe_object.permission} and Events",
                404: "check CUSTINT_STRIPE_API_BASE: this server does not offer it",
            },
        )
