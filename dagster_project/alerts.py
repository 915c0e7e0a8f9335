"""Tells somebody that a run failed, by mail, chat or webhook: one message per cause, over Apprise.

Here: what an address must look like, what a message says, and its sending. Not here: how a run failed (Dagster knows),
and where the addresses come from (`settings.py`).
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STAYS = "Nothing was published; what was published before is untouched."
SHOWN_CHARACTERS = 1500
"""Of a reason: chats cut or refuse long messages, and the run has the whole of it."""


@dataclass(frozen=True)
class Cause:
    """Why a run failed.

    Attributes:
        steps: Names of the steps that failed for it; none when the run failed between them.
        reason: What happened and what to do, for a person; may have several lines.
    """

    steps: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        """As a run prints it."""
        return f"{', '.join(self.steps)}: {self.reason}" if self.steps else self.reason


def causes_of(failed: Sequence[tuple[str, str]]) -> list[Cause]:
    """One cause per reason, in the order of the first step that it failed.

    Args:
        failed: Step and reason of each step that failed by itself, not for another one.
    """
    steps: dict[str, list[str]] = {}
    for step, reason in failed:
        steps.setdefault(reason, []).append(step)
    return [Cause(tuple(names), reason) for reason, names in steps.items()]


def alert_addresses(text: str) -> tuple[str, ...]:
    """The addresses of a list that is separated by spaces, commas or both.

    A comma may also be part of an address: `mailto://host?to=ann@example.com,ben@example.com`.

    Raises:
        ValueError: One of them is none that Apprise knows; the message says which, and not what it holds.
    """
    apprise = _silent_apprise()
    addresses = [part for word in text.split() for part in re.split(r",(?=[\w+.-]+://|$)", word) if part]
    for number, address in enumerate(addresses, start=1):
        if apprise.Apprise.instantiate(address) is None:
            raise ValueError(f"address {number} of {len(addresses)} is none that Apprise knows")
    if not addresses:
        raise ValueError("there is no address in it")
    return tuple(addresses)


def send_alerts(addresses: Sequence[str], causes: Sequence[Cause], run: str) -> tuple[str, ...]:
    """One message per cause to each address. Never raises: the failure that it tells of is what matters.

    Args:
        addresses: As `alert_addresses` gives them.
        causes: Of one run.
        run: Which run, in words.

    Returns:
        One line per address that could not be reached, without the address: it may hold a password.
    """
    unreached: dict[str, None] = {}
    for number, address in enumerate(addresses, start=1):
        for cause in causes:
            if not _is_sent(address, cause, run):
                unreached[
                    f"Address {number} of CUSTINT_ALERT_URLS ({address.split('://')[0]}://...) took no message: "
                    "check that it is right and that its server can be reached."
                ] = None
    return tuple(unreached)


def _silent_apprise() -> Any:
    import apprise  # a quarter of a second that runs without alerts need not wait

    logging.getLogger("apprise").disabled = True  # what it logs holds addresses
    return apprise


def _is_sent(address: str, cause: Cause, run: str) -> bool:
    apprise = _silent_apprise()
    where = f" in {', '.join(cause.steps)}" if cause.steps else ""
    reason = (
        cause.reason if len(cause.reason) <= SHOWN_CHARACTERS else f"{cause.reason[:SHOWN_CHARACTERS]} ..."
    )
    try:
        messenger = apprise.Apprise()
        messenger.add(address)
        return bool(
            messenger.notify(
                title=f"Customer intelligence: the run failed{where}",
                body=f"{reason}\n\n{STAYS}\n{run}",
                notify_type=apprise.NotifyType.FAILURE,
                body_format=apprise.NotifyFormat.TEXT,
            )
        )
    except Exception:
        return False
