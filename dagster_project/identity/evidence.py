"""What the records say about who they are.

Here: the schema of the evidence, its types, numbers, normalised keys and spellings. Not here: how a key is spelled
(`keys.py`, `spelling.py`, `telephone.py`) and who is joined by it (`exact.py`).
"""

import datetime as dt

import polars as pl
from polars.datatypes import DataTypeClass

from dagster_project.identity.keys import (
    email_company_domain,
    email_key,
    is_role_mailbox,
    placeholder_words,
    web_company_domain,
)
from dagster_project.identity.spelling import (
    organization_name,
    person_name_parts,
    plain_text,
    street_address,
)
from dagster_project.identity.telephone import phone_numbers

PARTY_SCHEMA: dict[str, DataTypeClass | pl.DataType] = {
    "system": pl.String,
    "object": pl.String,
    "source_ref": pl.String,
    "kind": pl.String,
    "name": pl.String,
    "given_name": pl.String,
    "surname": pl.String,
    "email": pl.String,
    "phone": pl.String,
    "domain": pl.String,
    "address_line": pl.String,
    "city": pl.String,
    "postal_code": pl.String,
    "country": pl.String,
    "birth_date": pl.Date,
    "link_system": pl.String,
    "link_object": pl.String,
    "link_ref": pl.String,
    "parent_ref": pl.String,
    "is_paying_party": pl.Boolean,
    "created_at": pl.Datetime("us"),
}
RECORD_KEY = ["system", "object", "source_ref"]
LINK_KEY = ["link_system", "link_object", "link_ref"]
ADDRESS_OBJECT = ("marketing", "emails")  # such a record is an address of mail and nothing else
LABEL_OBJECT = ("product", "workspaces")  # users call it what they like: that is nobody's legal name
NO_BIRTH_DATE = dt.date(
    1900, 1, 1
)  # until then, dates are what a form or a spreadsheet has in an empty field


def typed_evidence(parties: pl.DataFrame) -> pl.DataFrame:
    """Evidence with the declared columns and types; an all-null column has no type of its own."""
    missing = [column for column in PARTY_SCHEMA if column not in parties.columns]
    if missing:
        raise ValueError(f"parties lack the columns {', '.join(missing)}")
    evidence = parties.select(pl.col(column).cast(dtype) for column, dtype in PARTY_SCHEMA.items())
    without_key = evidence.filter(pl.any_horizontal(pl.col(RECORD_KEY).is_null())).height
    if without_key:
        raise ValueError(f"{without_key} parties have no {', '.join(RECORD_KEY)}")
    return evidence


def number_nodes(evidence: pl.DataFrame, account_objects: tuple[tuple[str, str], ...]) -> pl.DataFrame:
    """Number the records, and the absent records that others point to, in the order of their keys.

    Args:
        evidence: Typed evidence.
        account_objects: (system, object) whose organizations stand for one company each.

    Returns:
        One row per node: `node` (from 0), `system`, `object`, `source_ref`, `created_at`, `is_record`,
        `is_organization`, `is_account`, `is_address` (nothing but an address of mail is known), `is_paying_party`,
        `own_key` and `parent_key` (text; null without a parent).
    """
    is_organization = (pl.col("kind") == "organization").fill_null(value=False).any()
    records = evidence.group_by(RECORD_KEY).agg(
        pl.col("created_at").min(),
        is_organization.alias("is_organization"),
        pl.col("is_paying_party").fill_null(value=False).any(),
        pl.col("parent_ref").drop_nulls().min(),
        is_record=pl.lit(value=True),
    )
    targets = (
        evidence.drop_nulls(LINK_KEY)
        .select(pl.col(link).alias(key) for link, key in zip(LINK_KEY, RECORD_KEY, strict=True))
        .unique()
        .join(records, on=RECORD_KEY, how="anti")
        .with_columns(is_organization=pl.lit(value=False), is_record=pl.lit(value=False))
    )
    is_account_object = pl.any_horizontal(
        pl.lit(value=False),
        *(_is_object(account_object) for account_object in account_objects),
    )
    own_key = pl.concat_str("system", "object", "source_ref", separator="/")
    parent_key = pl.concat_str("system", "object", "parent_ref", separator="/")
    return (
        pl.concat([records, targets], how="diagonal")
        .sort(RECORD_KEY)
        .with_columns(
            is_paying_party=pl.col("is_paying_party").fill_null(value=False),
            is_address=_is_object(ADDRESS_OBJECT),
            is_account=is_account_object & (pl.col("is_organization") | ~pl.col("is_record")),
            node=pl.int_range(pl.len(), dtype=pl.Int64),
            parent_key=pl.when(parent_key != own_key).then(parent_key),
            own_key=own_key,
        )
        .drop("parent_ref")
    )


def _is_object(name: tuple[str, str]) -> pl.Expr:
    return (pl.col("system") == name[0]) & (pl.col("object") == name[1])


def keyed_evidence(evidence: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Put node numbers in the place of references and normalised keys in the place of raw texts.

    Args:
        evidence: Typed evidence.
        nodes: Numbered nodes.

    Returns:
        One row per row of evidence: `node`, `link_node`, `is_organization`, `is_account`; the keys
        `email_key`, `is_role_mailbox`, `phone_key` (E.164), `email_domain` and `stated_domain` (company domains of
        the address and of the domain field); `given_name`, `surname` (persons), `organization_name` and `legal_name`
        (organizations; the latter null where a workspace or a contact has that name), `street`, `city`,
        `postal_code` (plain text), `birth_date`. Names that stand for nothing and birth dates that cannot be are null.
    """
    numbers = nodes.select(*RECORD_KEY, "node", "is_account")
    link_numbers = nodes.select(
        *(pl.col(key).alias(link) for link, key in zip(LINK_KEY, RECORD_KEY, strict=True)),
        pl.col("node").alias("link_node"),
    )
    is_organization = (pl.col("kind") == "organization").fill_null(value=False)
    name, *stated_names = (_real_name(pl.col(column)) for column in ("name", "given_name", "surname"))
    given_name, surname = person_name_parts(name, *stated_names)
    company_name = pl.when(is_organization).then(organization_name(name))
    is_plausible = (pl.col("birth_date") > NO_BIRTH_DATE) & (
        pl.col("birth_date") <= pl.col("created_at").max().dt.date()
    )
    keyed = (
        evidence.join(numbers, on=RECORD_KEY, validate="m:1")
        .join(link_numbers, on=LINK_KEY, how="left", validate="m:1")
        .join(phone_numbers(evidence), on=["phone", "country"], how="left", validate="m:1", nulls_equal=True)
        .with_columns(email_key=email_key(pl.col("email")))
        .select(
            "node",
            "link_node",
            is_organization.alias("is_organization"),
            "is_account",
            "email_key",
            is_role_mailbox(pl.col("email_key")).alias("is_role_mailbox"),
            "phone_key",
            email_company_domain(pl.col("email_key")).alias("email_domain"),
            web_company_domain(pl.col("domain")).alias("stated_domain"),
            pl.when(~is_organization).then(given_name).alias("given_name"),
            pl.when(~is_organization).then(surname).alias("surname"),
            company_name.alias("organization_name"),
            pl.when(~_is_object(LABEL_OBJECT)).then(company_name).alias("legal_name"),
            street_address(pl.col("address_line")).alias("street"),
            plain_text(pl.col("city")).alias("city"),
            plain_text(pl.col("postal_code")).str.replace_all(" ", "", literal=True).alias("postal_code"),
            pl.when(is_plausible.fill_null(value=True)).then("birth_date").alias("birth_date"),
        )
    )
    return _without_contacts_names(keyed)


def _without_contacts_names(evidence: pl.DataFrame) -> pl.DataFrame:
    """No legal name where a company's record is called after the person whose address it has."""
    full_name = pl.concat_str("given_name", "surname", separator=" ")
    contacts = evidence.select("email_key", legal_name=full_name).drop_nulls().unique()
    return evidence.join(
        contacts.with_columns(is_contact=pl.lit(value=True)),
        on=["email_key", "legal_name"],
        how="left",
        validate="m:1",
    ).select(
        pl.when(pl.col("is_contact").is_null()).then("legal_name").alias("legal_name"),
        pl.exclude("legal_name", "is_contact"),
    )


def _real_name(name: pl.Expr) -> pl.Expr:
    squeezed = plain_text(name).str.replace_all(r"[^\p{L}]", "")
    return pl.when(~squeezed.is_in(placeholder_words("name")).fill_null(value=False)).then(name)


def party_spellings(parties: pl.DataFrame) -> pl.DataFrame:
    """What the names and telephone numbers of parties are in one spelling.

    Args:
        parties: Evidence with the columns of `PARTY_SCHEMA`.

    Returns:
        One row per distinct name, and per number and country, sorted: `field` (name or phone), `written`, `country`
        (an empty text without one), `spelling` (a name without legal form, see `organization_name`; E.164).
    """
    evidence = typed_evidence(parties)
    names = evidence.select(
        field=pl.lit("name"),
        written="name",
        country=pl.lit(""),
        spelling=organization_name(_real_name(pl.col("name"))),
    )
    numbers = phone_numbers(evidence).select(
        field=pl.lit("phone"),
        written="phone",
        country=pl.col("country").fill_null(""),
        spelling="phone_key",
    )
    columns = ["field", "written", "country"]
    return pl.concat([names, numbers]).drop_nulls().unique(columns, keep="any").sort(columns)
