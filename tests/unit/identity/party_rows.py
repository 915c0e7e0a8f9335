"""Rows of identity evidence, written by hand in tests."""

import datetime as dt

import polars as pl

from dagster_project.identity.evidence import PARTY_SCHEMA
from dagster_project.identity.overrides import PAIR_COLUMNS, no_overrides
from dagster_project.identity.resolve import IdentityOptions, Resolution, resolve_identities

START = dt.datetime(2025, 1, 1)
NO_PREVIOUS = pl.DataFrame()


def row(record: str, link: str | None = None, day: int = 0, **fields) -> dict:
    """One row of evidence; `record` and `link` are written `system/object/ref`; kind is organization."""
    own = dict(zip(("system", "object", "source_ref"), record.split("/"), strict=True))
    links = dict(
        zip(("link_system", "link_object", "link_ref"), link.split("/") if link else [None] * 3, strict=True)
    )
    return own | links | {"kind": "organization", "created_at": START + dt.timedelta(days=day)} | fields


def account(ref: str, name: str | None = None, **fields) -> dict:
    """A company of the CRM."""
    return row(f"salesforce/accounts/{ref}", name=name, is_paying_party=True, **fields)


def contact(ref: str, of: str, name: str, **fields) -> dict:
    """A contact of a company of the CRM."""
    return row(f"salesforce/contacts/{ref}", f"salesforce/accounts/{of}", kind="person", name=name, **fields)


def buyer(ref: str, name: str | None = None, **fields) -> dict:
    """A person of the file drop who pays."""
    return row(f"files/customers/{ref}", name=name, **{"kind": "person", "is_paying_party": True} | fields)


def user(ref: str, name: str | None = None, **fields) -> dict:
    """A product user who belongs to nobody."""
    return row(f"product/users/{ref}", kind="person", name=name, **fields)


def frame(*rows: dict) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=PARTY_SCHEMA, orient="row")


def override(rule: str, left: str, right: str) -> pl.DataFrame:
    """One override; both sides are written `system/object/ref`."""
    pair = dict(zip(PAIR_COLUMNS, left.split("/") + right.split("/"), strict=True))
    return pl.DataFrame([{"rule": rule, **pair, "note": None, "line": 2}], schema=no_overrides().schema)


def resolved(
    *rows: dict, overrides: pl.DataFrame | None = None, previous: pl.DataFrame = NO_PREVIOUS, cap: int = 10
) -> Resolution:
    options = IdentityOptions(max_parties_per_identifier=cap)
    return resolve_identities(
        frame(*rows), no_overrides() if overrides is None else overrides, previous, options
    )


def groups(resolution: Resolution, column: str = "customer_id") -> set[frozenset[str]]:
    """The parties as a set of sets of references; records without that id left out."""
    members = (
        resolution.identities.drop_nulls(column).group_by(column).agg("source_ref")["source_ref"].to_list()
    )
    return {frozenset(refs) for refs in members}


def sets(*texts: str) -> set[frozenset[str]]:
    """`sets("a b", "c")` is {{a, b}, {c}}."""
    return {frozenset(text.split()) for text in texts}


def identity(resolution: Resolution, ref: str) -> dict:
    """The row of one record."""
    return resolution.identities.row(by_predicate=pl.col("source_ref") == ref, named=True)
