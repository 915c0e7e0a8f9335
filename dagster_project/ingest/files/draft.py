"""Drafts of mappings: which object a file of another name may hold, and which of its columns are which.

A guess by names, to be read by a person: nothing is landed by it. Here: names and the text of the draft. Not here: how
mappings are read (`mapping.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyarrow import parquet

from dagster_project.ingest.files import workbook_rows
from dagster_project.ingest.files.csv_rows import read_header
from dagster_project.ingest.files.layout import FileObject, load_layout
from dagster_project.ingest.files.mapping import OPEN_QUESTION
from dagster_project.ingest.files.ndjson_rows import read_keys
from dagster_project.ingest.files.text_files import UTF_8, WINDOWS_1252
from dagster_project.ingest.sql_text import quoted_name, quoted_text

READABLE = (".csv", ".parquet", ".ndjson", workbook_rows.SUFFIX)
FILE_WORDS = {
    "transactions": "order orders invoice invoices sale sales payment payments purchase purchases transaction receipts",
    "transaction_lines": "line lines item items position positions",
    "customers": "customer customers client clients account accounts company companies member members kunden",
    "contacts": "contact contacts people",
    "subscriptions": "subscription subscriptions contract contracts plan plans membership memberships",
    "tickets": "ticket tickets case cases issue issues support",
    "survey_responses": "survey surveys nps csat response responses feedback",
    "usage_events": "event events usage activity log logs",
    "touchpoints": "touchpoint touchpoints campaign campaigns email emails marketing",
    "consents": "consent consents opt",
    "visits": "visit visits checkin checkins reservations bookings",
    "loyalty_events": "loyalty points rewards bonus",
    "products": "product products catalog catalogue articles artikel sortiment pricelist",
    "erasure_requests": "erasure erasures deletion gdpr",
}
"""Words of file names by object."""

SYNONYMS = {
    "transaction_ref": "order_id order_number order_no order_name order invoice_id invoice_number invoice_no invoice"
    " transaction_id basket_id receipt_id receipt_no basket_id payment_id bestellnummer rechnungsnummer number no id",
    "customer_ref": "customer_id customer_number customer_no customer client_id client account_id account user_id"
    " buyer_id member_id household_id company_id kundennummer kunde customer_email email",
    "occurred_at": "date order_date created_at created invoice_date transaction_date transaction_timestamp"
    " purchase_date paid_at processed_at timestamp datetime time event_time bestelldatum rechnungsdatum datum",
    "amount": "total total_amount grand_total total_price order_total total_paid net_amount revenue sales_value price"
    " value sum subtotal betrag summe gesamt gesamtbetrag umsatz",
    "currency": "currency_code currency_iso wahrung",
    "status": "financial_status payment_status order_status state",
    "kind": "type transaction_type order_type",
    "payment_method": "payment_type gateway payment_gateway payment zahlungsart",
    "line_number": "line line_no line_id position item_number pos",
    "product_ref": "product_id product sku stock_code item_id item article article_no lineitem_sku artikelnummer",
    "quantity": "qty count units amount_of_items menge anzahl seats licenses lineitem_quantity",
    "unit_price_amount": "unit_price price item_price lineitem_price einzelpreis",
    "category": "product_category department product_type",
    "name": "full_name company company_name customer_name account_name display_name firma",
    "email": "e_mail email_address mail",
    "phone": "telephone phone_number mobile tel telefon",
    "domain": "website url",
    "country": "country_code land",
    "birth_date": "birthday date_of_birth dob geburtsdatum",
    "created_at": "created signup_date sign_up_date registered_at registration_date date_created customer_since date",
    "parent_customer_ref": "parent_id parent",
    "address_line": "address street address1 street_address strasse",
    "city": "town ort",
    "postal_code": "zip zip_code postcode plz",
    "contact_ref": "contact_id person_id id",
    "title": "job_title position role",
    "subscription_ref": "subscription_id contract_id subscription id",
    "plan": "plan_name plan_tier product tier",
    "started_at": "start_date start started begin_date",
    "ended_at": "end_date end ended canceled_at cancelled_at",
    "mrr_amount": "mrr monthly_amount monthly_price monthly_revenue price amount",
    "billing_interval": "interval billing_frequency billing_period frequency",
    "ticket_ref": "ticket_id case_id issue_id ticket case_number id",
    "opened_at": "created_at created submitted_at open_date date",
    "solved_at": "closed_at resolved_at solved close_date",
    "first_reply_at": "first_response_at first_reply",
    "csat_score": "satisfaction satisfaction_score rating csat",
    "response_ref": "response_id id",
    "responded_at": "created_at submitted_at date timestamp",
    "score": "rating nps nps_score value",
    "comment": "feedback text note",
    "event_ref": "event_id id",
    "event_name": "event action event_type",
    "user_ref": "user_id user",
    "session_ref": "session_id session",
    "touchpoint_ref": "touchpoint_id activity_id id",
    "channel": "medium source",
    "campaign_ref": "campaign_id campaign",
    "purpose": "consent_type topic",
    "is_granted": "granted consent opted_in opt_in",
    "recorded_at": "created_at updated_at date",
    "requested_at": "created_at date",
    "visit_ref": "visit_id checkin_id reservation_id booking_id id",
    "location": "store store_id store_name shop branch site filiale",
    "party_size": "guests covers persons people",
    "points": "points_change loyalty_points bonus_points punkte",
    "tier": "level loyalty_tier status_level",
    "list_price_amount": "list_price retail_price price rrp listenpreis",
    "cost_amount": "cost unit_cost purchase_price einkaufspreis",
}
"""Other names of layout columns, the likeliest first; none is certain."""


@dataclass(frozen=True)
class Draft:
    """A mapping to be checked.

    Attributes:
        object_name: The object that the file most likely holds.
        sql: The mapping; `???` stands where a required column was not found.
        missing: Required columns that were not found.
    """

    object_name: str
    sql: str
    missing: tuple[str, ...]


def draft_mapping(path: Path) -> Draft | None:
    """Draft the mapping of a file.

    Args:
        path: A CSV, Parquet, NDJSON or workbook file.

    Returns:
        The draft for the object of which most columns were found; None when no object fits at all.

    Raises:
        UnreadableFileError: The file cannot be read.
        OSError: The file cannot be opened.
    """
    columns, relation = _columns(path)
    layout = load_layout()
    found = {name: likely_columns(columns, item) for name, item in layout.items()}
    best = max(found, key=lambda name: _score(path, layout[name], found[name]))
    if not any(column in found[best] for column in layout[best].required):
        return None
    return _draft(layout[best], found[best], columns, relation)


def plain_words(name: str) -> str:
    """A column name in small letters and underscores, without accents of German."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold().translate(str.maketrans("äöü", "aou"))
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def likely_columns(columns: Sequence[str], item: FileObject) -> dict[str, str]:
    """The file's column by layout column: its own name first, then the likeliest of its other names.

    Args:
        columns: Names as written.
        item: The object that they may be of.
    """
    by_words = {plain_words(column): column for column in reversed(columns)}
    found: dict[str, str] = {}
    for names in (
        [[name] for name in item.columns],
        [SYNONYMS.get(name, "").split() for name in item.columns],
    ):
        for column, words in zip(item.columns, names, strict=True):
            free = [by_words[word] for word in words if by_words.get(word) not in (None, *found.values())]
            if column not in found and free:
                found[column] = free[0]
    return {column: found[column] for column in item.columns if column in found}


def _columns(path: Path) -> tuple[list[str], str]:
    """Names of a file's columns, and the relation that a mapping reads them from."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return list(parquet.read_schema(path).names), quoted_text(path.name)
    if suffix == workbook_rows.SUFFIX:
        _, rows = next(workbook_rows.sheets_named_in(str(path.resolve()), path.parent))
        return list(rows.column_names), quoted_text(path.name)
    if suffix == ".ndjson":
        return read_keys(path), quoted_text(path.name)
    known = {word for words in SYNONYMS.values() for word in words.split()} | set(SYNONYMS)
    header = read_header(path, known | {word.replace("_", " ") for word in known})
    options = ["all_varchar = true", f"delim = {quoted_text(header.delimiter)}"]
    options += [f"skip = {header.title_count}"] if header.title_count else []
    encoding = {UTF_8: "", WINDOWS_1252: "latin-1"}.get(header.encoding, "utf-16")
    options += [f"encoding = {quoted_text(encoding)}"] if encoding else []
    return list(header.names), f"read_csv({quoted_text(path.name)}, {', '.join(options)})"


def _score(path: Path, item: FileObject, found: dict[str, str]) -> tuple[float, int]:
    words = set(plain_words(path.stem).split("_"))
    is_named = bool(words & set(FILE_WORDS.get(item.name, "").split()))
    required = sum(column in found for column in item.required) / len(item.required)
    return required + is_named, len(found)


def _draft(item: FileObject, found: dict[str, str], columns: list[str], relation: str) -> Draft:
    lines = [f"{quoted_name(written)} as {column}" for column, written in found.items()]
    missing = tuple(column for column in item.required if column not in found)
    lines += [f"{OPEN_QUESTION} as {column}" for column in missing]
    used = set(found.values())
    if set(columns) - used:
        lines.append(f"* exclude ({', '.join(quoted_name(name) for name in found.values())})")
    return Draft(
        item.name,
        f"-- A draft of {item.name} by the names of columns: check every line.\n"
        f"select\n    {f',{chr(10)}    '.join(lines)}\nfrom {relation}\n",
        missing,
    )
