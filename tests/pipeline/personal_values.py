"""Data of persons in what the sample company's sources deliver, and the texts in which it is searched."""

from pathlib import Path

import duckdb

PERSONAL = {
    "Email": ("salesforce/contacts", "salesforce/users"),
    "PersonEmail": ("salesforce/accounts",),
    "email": (
        "stripe/customers",
        "zendesk/users",
        "product/users",
        "marketing/consents",
        "marketing/touchpoints",
    ),
    "owner_email": ("product/workspaces",),
    "Phone": ("salesforce/contacts", "salesforce/accounts"),
    "phone": ("stripe/customers", "zendesk/users"),
    "FirstName || ' ' || LastName": ("salesforce/contacts", "salesforce/accounts"),
    "name": ("product/users", "zendesk/users"),
    "individual_name": ("stripe/customers",),
    "BillingStreet": ("salesforce/accounts",),
    "MailingStreet": ("salesforce/contacts",),
    "address ->> 'line1'": ("stripe/customers",),
}
"""Where the sample company's sources deliver data of persons."""


def landed_personal_values(landing: Path) -> set[str]:
    """Every e-mail address, phone, name of a person and street that landed, in small letters; numbers in E.164 too."""
    found = set()
    for expression, objects in PERSONAL.items():
        for name in objects:
            rows = duckdb.sql(
                f"select distinct lower(trim({expression})) from"
                f" read_parquet('{landing / name}/*.parquet', union_by_name = true)"
            ).fetchall()
            assert len(rows) > 1, f"{expression} of {name}"
            found |= {value for (value,) in rows if value}
    return found | {"+" + "".join(filter(str.isdigit, value)) for value in found if value.startswith("+")}


def texts(connection: duckdb.DuckDBPyConnection, relation: str) -> str:
    """All texts of a relation, each once, in small letters."""
    columns = [
        name for name, kind, *_ in connection.execute(f"describe {relation}").fetchall() if kind == "VARCHAR"
    ]
    wholes = [
        connection.execute(f"select string_agg(distinct lower({name}), chr(10)) from {relation}").fetchall()[
            0
        ][0]
        for name in columns
    ]
    return "\n".join(filter(None, wholes))
