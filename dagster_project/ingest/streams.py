"""What a source gives: pages of rows, and where to continue after each.

Here: the words that all connectors share. Not here: how a page becomes a landing file (`batches.py`), and any one
source.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Record = dict[str, Any]
"""One row as the source wrote it: field names to JSON values."""

Cursor = dict[str, Any]
"""Where to continue, in words of the stream's own; empty at the first read. Can be written as JSON."""


class SourceError(Exception):
    """A source could not be read; the message is one line for a person and holds no secret."""

    def __init__(
        self,
        message: str,
        *,
        stops_source: bool = False,
        was_reached: bool = True,
        may_pass: bool = False,
    ) -> None:
        """What, where, what to do.

        Args:
            message: The line.
            stops_source: No other object of the source can be read either.
            was_reached: Somebody answered at its address, if only to refuse.
            may_pass: The same read may go well in a minute, and nobody has tried it again yet: the API client does
                so by itself.
        """
        super().__init__(message)
        self.may_pass = may_pass
        self.stops_source = stops_source
        self.was_reached = was_reached
        self.status = 0  # of the HTTP answer that refused; 0 when it was none

    @property
    def hides_object(self) -> bool:
        """The source answers, but not about this object: not part of the plan, or not for this user."""
        return self.status in (403, 404) and not self.stops_source


@dataclass(frozen=True)
class Page:
    """Rows by landing object (`stripe__invoices`), and the cursor from which a later read goes on after them."""

    rows: dict[str, list[Record]]
    cursor: Cursor


@dataclass(frozen=True)
class Stream:
    """One thing that is read with one cursor.

    Attributes:
        objects: Landing objects that its pages hold; the first one's files carry the cursor.
        read: Pages after a cursor. May give rows again that an earlier read gave; repeats are dropped.
        has_own_version: The source says when a row changed. When it does not, the version is the time of reading,
            and a row that says the same as the version before it is a repeat.
    """

    objects: tuple[str, ...]
    read: Callable[[Cursor], Iterator[Page]]
    has_own_version: bool = True


@dataclass(frozen=True)
class Landed:
    """What one read brought of one landing object.

    `refused` says why the object was set aside while the others go on (its shape is not the contract's, or this user
    may not see it), `failure` why it could not be read; both are empty when all is well.
    """

    object_name: str
    fetched_row_count: int = 0
    landed_row_count: int = 0
    repeated_row_count: int = 0
    rejected_row_count: int = 0  # landed with a reason; bronze puts them into quarantine
    notes: tuple[str, ...] = ()  # what a person should know of how it was read
    cursor_before: str = ""
    cursor_after: str = ""
    api_call_count: int = 0
    new_fields: tuple[str, ...] = ()
    refused: str = ""
    is_hidden: bool = False  # refused because the source does not show it
    failure: str = ""
    may_pass: bool = False  # the failure; see `SourceError`


@dataclass(frozen=True)
class Probe:
    """What one cheap call says of one object: `newest` is its newest row's time in words, empty when unknown."""

    object_name: str
    is_visible: bool
    newest: str = ""
    note: str = ""


class Connector(Protocol):
    """What reads a live source; its landing files end with its name."""

    @property
    def name(self) -> str: ...  # noqa: D102 - said above

    def land(self, read_at: dt.datetime) -> Iterator[Landed]:
        """Read what is new into landing, object after object; a failing object does not keep the others back."""

    def probe(self) -> list[Probe]:
        """One cheap call per object.

        Raises:
            SourceError: The source cannot be reached, or refuses the credentials.
        """
