"""Salesforce: accounts, contacts, leads, opportunities, campaigns and their members, and their owners, as they change.

Every object is one query in the order of SystemModstamp, which Salesforce sets on each change, deletions included;
a later read goes on from the newest one. What is deleted for good shows in no query: when the number of living rows is
not that of landing, all ids are compared. Here: which fields are asked for, and from where on. Not here: the REST API
itself (`api.py`), what landing holds (`landed.py`), files (`batches.py`) and repeats (`landed_rows.py`).

The texts of times (`2026-10-01T12:00:00.000+0000`) are landed as they are; bronze reads their offset.
"""

import datetime as dt
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from dagster_project.contracts import landing_contract
from dagster_project.ingest.api_client import HttpLimits
from dagster_project.ingest.batches import land_streams
from dagster_project.ingest.salesforce.api import LOCATOR_GONE, SalesforceApi, SalesforceError
from dagster_project.ingest.salesforce.landed import CONNECTOR, LandedRows
from dagster_project.ingest.streams import Cursor, Landed, Page, Probe, Record, SourceError, Stream

OBJECTS = {
    "salesforce__users": "User",
    "salesforce__accounts": "Account",
    "salesforce__contacts": "Contact",
    "salesforce__leads": "Lead",
    "salesforce__opportunities": "Opportunity",
    "salesforce__campaigns": "Campaign",
    "salesforce__campaign_members": "CampaignMember",
}
STAMP = "SystemModstamp"
CURRENCY = "CurrencyIsoCode"
NEVER_DELETED = {"salesforce__users"}  # they are only switched off
OF_THE_CONTRACT_ALONE = {"salesforce__users"}  # the rest is settings of their screens
FIRST_CHANGE = dt.datetime(1999, 1, 1, tzinfo=dt.UTC)  # no organisation is older
CLOCK_TOLERANCE = dt.timedelta(days=1)  # between our clock and Salesforce's
NEEDED_TO_READ = ("Id", STAMP)
LONGEST_QUERY = 14_000
"""Bytes of an encoded query: Salesforce takes 16,384 for the address and all headers, the access token among them."""
PARTS_OF_OTHERS = {"address", "location"}  # compound fields: each part is a field of its own
WITHOUT_ROWS = {"base64"}  # files; only one row at a time can be asked for them
ID_BYTES = len(urlencode({"": "'001xx000003DGbAAAW',"})) - 1
FEWEST_IDS_PER_QUERY = 5
OF_THE_READER = {"LastViewedDate", "LastReferencedDate"}  # what the run-as user looked at

logger = logging.getLogger(__name__)


class Salesforce:
    """Reads one Salesforce organisation.

    Args:
        instance_url: The organisation's own address, `https://acme.my.salesforce.com`.
        client_id: Consumer key of the connected app.
        client_secret: Its consumer secret.
        api_version: Such as `v62.0`.
        landing_dir: Root of the landing zone.
        limits: Timeouts and retries.
        batch_rows: Rows after which a batch is committed.
        lag_seconds: How far before the cursor every read begins. SystemModstamp is the time at which a change was
            made, not the one at which its transaction was committed and could be seen: a long import shows rows
            that are older than what was read before them. For the same reason there is no upper end: a row that
            comes into view later is found by the lag, and one that changes again gets a later stamp.
        currency: ISO 4217 code of the amounts of an organisation that has one currency alone: its rows name none.
    """

    name = CONNECTOR
    objects = tuple(OBJECTS)

    def __init__(
        self,
        instance_url: str,
        client_id: str,
        client_secret: str,
        api_version: str,
        landing_dir: Path,
        limits: HttpLimits,
        batch_rows: int,
        lag_seconds: int,
        currency: str = "USD",
    ) -> None:
        self._new_api = partial(SalesforceApi, instance_url, client_id, client_secret, api_version, limits)
        self._landing_dir = landing_dir
        self._batch_rows = batch_rows
        self._lag = dt.timedelta(seconds=lag_seconds)
        self._currency = currency

    def land(self, read_at: dt.datetime) -> Iterator[Landed]:
        """Read what changed since the last read, object after object.

        Args:
            read_at: When the run began, UTC without zone.

        Yields:
            One result per object.
        """
        api = self._new_api()
        now = read_at.replace(tzinfo=dt.UTC)
        streams = (Stream((name,), partial(self._pages, api, name, now)) for name in self.objects)
        yield from land_streams(
            self._landing_dir, self.name, streams, read_at, self._batch_rows, lambda: api.call_count
        )

    def probe(self) -> list[Probe]:
        """Ask for the newest row of every object.

        Raises:
            SourceError: The organisation cannot be reached, or refuses the client.
        """
        api = self._new_api()
        return [_probe(api, object_name) for object_name in self.objects]

    def _pages(
        self, api: SalesforceApi, object_name: str, now: dt.datetime, cursor: Cursor
    ) -> Iterator[Page]:
        """All changes since the cursor; then, where rows may have been there before, those that are not any more."""
        described = api.fields(OBJECTS[object_name])
        may_have_lost = STAMP in cursor and object_name not in NEVER_DELETED
        just_read: list[Record] = []
        for rows, after in self._changes(api, object_name, described, now, cursor):
            if may_have_lost:
                just_read += [{name: row.get(name) for name in ("Id", "IsDeleted", STAMP)} for row in rows]
            cursor = after
            yield Page({object_name: self._landing_rows(object_name, described, rows)}, cursor)
        if may_have_lost:
            for rows in self._differences(api, object_name, described, now, just_read):
                yield Page({object_name: self._landing_rows(object_name, described, rows)}, cursor)

    def _changes(
        self, api: SalesforceApi, object_name: str, described: list[Record], now: dt.datetime, cursor: Cursor
    ) -> Iterator[tuple[list[Record], Cursor]]:
        """All rows since the cursor, the lag included; the cursor never goes back, and never far beyond `now`.

        The end of a page can be a cursor although the rows of one second may go on behind it: the next read begins
        at that very second, never after it.
        """
        sobject = OBJECTS[object_name]
        reached = _moment(cursor.get(STAMP))
        since = reached - self._lag if reached else None
        while True:
            newest = since
            try:
                for rows in api.query(sobject, changes_query(object_name, described, since)):
                    newest = max(filter(None, (newest, _newest(rows, now + CLOCK_TOLERANCE))), default=None)
                    if newest and (reached is None or newest > reached):
                        reached, cursor = newest, {STAMP: _written(newest)}
                    yield rows, cursor
                return
            except SalesforceError as error:
                if error.code != LOCATOR_GONE or newest == since:
                    raise
                since = newest  # a long read outlived its query, whose place ends with it

    def _differences(
        self,
        api: SalesforceApi,
        object_name: str,
        described: list[Record],
        now: dt.datetime,
        just_read: list[Record],
    ) -> Iterator[list[Record]]:
        """Rows that make landing what the organisation is: deletions that it does not tell of, and what was missed.

        A row that comes back, because the run-as user may see it again, gets a version after that of its deletion.
        """
        sobject = OBJECTS[object_name]
        with LandedRows(self._landing_dir, object_name, just_read) as landed:
            if _count(api, sobject) == landed.living_count:
                return
            pages = api.query(sobject, f"select Id,IsDeleted from {sobject}")
            landed.compare([row for page in pages for row in page])
            for rows in landed.gone(_written(now)):
                logger.info("Salesforce %s: %d rows are gone without a trace", sobject, len(rows))
                yield rows
            missed = landed.missed()
            for query in missed_queries(object_name, described, list(missed)):
                for rows in api.query(sobject, query):
                    yield [
                        row | {STAMP: _written(now)} if missed[str(row["Id"])] >= str(row[STAMP]) else row
                        for row in rows
                    ]

    def _landing_rows(self, object_name: str, described: list[Record], rows: list[Record]) -> list[Record]:
        """Rows without their empty fields beyond the contract, and with the currency that all of them have.

        Most of an organisation's own fields are empty in most rows; and one that was only just added makes no row
        another.
        """
        needed = {field.name for field in landing_contract(object_name).fields}
        has_one_currency = CURRENCY in needed and all(field["name"] != CURRENCY for field in described)
        shared = {CURRENCY: self._currency} if has_one_currency else {}
        return [
            {name: value for name, value in row.items() if value is not None or name in needed} | shared
            for row in rows
        ]


def changes_query(object_name: str, described: list[Record], since: dt.datetime | None) -> str:
    """The SOQL for all rows of an object that changed at a moment or after it.

    Args:
        object_name: Landing object.
        described: The object's fields as Salesforce describes them.
        since: UTC; None for all rows. Compared by the second, so it is cut to one.

    Raises:
        SourceError: A field without which no change can be found is not visible.
    """
    sobject = OBJECTS[object_name]
    where = f" where {STAMP} >= {since:%Y-%m-%dT%H:%M:%SZ}" if since else ""
    return f"{_selection(object_name, described)} from {sobject}{where} order by {STAMP},Id"


def missed_queries(object_name: str, described: list[Record], ids: list[str]) -> Iterator[str]:
    """The SOQL for rows by their ids, in as many queries as their length asks for."""
    start = f"{_selection(object_name, described)} from {OBJECTS[object_name]} where Id in ("
    room = (LONGEST_QUERY - len(urlencode({"q": start}))) // ID_BYTES
    size = max(room, FEWEST_IDS_PER_QUERY)
    for first in range(0, len(ids), size):
        listed = ",".join(f"'{each}'" for each in ids[first : first + size])
        yield f"{start}{listed})"


def _selection(object_name: str, described: list[Record]) -> str:
    """The fields that are asked for: those of the contract that are there, and what else has room."""
    sobject = OBJECTS[object_name]
    names = {str(field["name"]) for field in described}
    if missing := [name for name in NEEDED_TO_READ if name not in names]:
        raise SourceError(
            f"Salesforce {sobject}: required column {missing[0]} is not visible to the run-as user; "
            "check the object's field-level security."
        )
    contract = [field.name for field in landing_contract(object_name).fields if field.name in names]
    others = sorted(
        str(field["name"])
        for field in described
        if field["name"] not in contract and _is_stored(field) and object_name not in OF_THE_CONTRACT_ALONE
    )
    rest = f" from {sobject} where {STAMP} >= 2000-01-01T00:00:00Z order by {STAMP},Id"
    kept = len(others)
    while (
        kept and len(urlencode({"q": f"select {','.join(contract + others[:kept])}{rest}"})) > LONGEST_QUERY
    ):
        kept -= 1
    if kept < len(others):
        logger.warning(
            "Salesforce %s has more fields than one query can name; not read: %s",
            sobject,
            ", ".join(others[kept:]),
        )
    return f"select {','.join(contract + others[:kept])}"


def _is_stored(field: Record) -> bool:
    """Whether a field beyond the contract belongs to the row.

    What Salesforce works out from other rows or from the day changes without a new stamp: the rows that a read
    repeats would never be the same again, and those it does not repeat would keep the old value.
    """
    return not (
        field.get("type") in PARTS_OF_OTHERS | WITHOUT_ROWS
        or field.get("calculated")
        or field.get("deprecatedAndHidden")
        or field["name"] in OF_THE_READER
    )


def _count(api: SalesforceApi, sobject: str) -> int | None:
    """Living rows of an object; None when it is too large to be counted, and the ids have to tell."""
    try:
        return api.count(sobject)
    except SalesforceError as error:
        if error.stops_source:
            raise
        return None


def _probe(api: SalesforceApi, object_name: str) -> Probe:
    sobject = OBJECTS[object_name]
    soql = f"select {','.join(NEEDED_TO_READ)} from {sobject} order by {STAMP} desc limit 1"
    try:
        rows = [row for page in api.query(sobject, soql) for row in page]
    except SourceError as error:
        if error.stops_source:
            raise
        return Probe(object_name, is_visible=False, note=str(error))
    return Probe(object_name, is_visible=True, newest=str(rows[0].get(STAMP) or "") if rows else "")


def _newest(rows: list[Record], until: dt.datetime) -> dt.datetime | None:
    """The newest time of change, those left out that cannot be true: a cursor in the future would miss all to come."""
    moments = (_moment(row.get(STAMP)) for row in rows)
    return max((moment for moment in moments if moment and FIRST_CHANGE <= moment <= until), default=None)


def _moment(text: object) -> dt.datetime | None:
    """A time in UTC; None for what is none, which the contract finds and says."""
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None


def _written(moment: dt.datetime) -> str:
    """A moment as Salesforce writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
