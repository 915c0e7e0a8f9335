"""A real, stateful Stripe server for the tests: localstripe, in a process of its own on 127.0.0.1.

Its own command listens on every address and keeps its store in one file for the whole machine; here the same
application listens on one address and keeps its store in memory, so that test workers do not meet. Not here: what is
asserted.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import stripe

API_KEY = "sk_test_51localstripe"


@contextmanager
def running_localstripe() -> Iterator[str]:
    """Start an empty server; its address, until the block ends."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "localstripe did not start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


class Account:
    """What a shop does on the server, through Stripe's own client."""

    def __init__(self, base_url: str) -> None:
        self.client = stripe.StripeClient(API_KEY, base_addresses={"api": base_url}, max_network_retries=0).v1
        self.customer_count = 0
        self.product = self.client.products.create({"name": "Growth plan"}).id
        self.plan = self.client.plans.create(
            {"product": self.product, "amount": 4900, "currency": "usd", "interval": "month"}
        ).id

    def subscribe(self, count: int) -> list[str]:
        """New customers, each with a card, a subscription, a paid invoice and a charge; their ids."""
        with ThreadPoolExecutor(2) as pool:  # while the server works on one, the client writes the next
            numbers = range(self.customer_count, self.customer_count + count)
            self.customer_count += count
            return list(pool.map(self._subscribe, numbers))

    def _subscribe(self, number: int) -> str:
        card = {
            "object": "card",
            "number": "4242424242424242",
            "exp_month": "12",
            "exp_year": "2030",
            "cvc": "123",
        }
        customer = self.client.customers.create(
            {
                "name": f"Customer {number}",
                "email": f"billing{number}@example.com",
                "source": card,  # type: ignore[typeddict-item]
            }
        ).id
        items = [{"plan": self.plan, "quantity": 1 + number % 9}]
        self.client.subscriptions.create({"customer": customer, "items": items})  # type: ignore[typeddict-item]
        return customer


def _serve() -> None:
    from aiohttp import web
    from localstripe import resources, server

    resources.Store.dump_to_disk = lambda store: None
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # before the port is told: who connects from now on waits until the server is up
    print(listener.getsockname()[1], flush=True)  # noqa: T201 - the way the parent learns it
    web.run_app(server.app, sock=listener, print=None, access_log=None)


if __name__ == "__main__":
    _serve()
