"""What the records say about who they are.

Here: evidence with types, numbers and keys, and the claims that groups of records make on keys, one function
for each step of `resolve.py`. Not here: the decision who is joined (`groups.py`).
"""

import polars as pl
from polars.datatypes import DataTypeClass

from dagster_project.identity.keys import email_company_domain, email_key, web_company_domain

PARTY_SCHEMA: dict[str, DataTypeClass | pl.DataType] = {
    "system": pl.String,
    "object": pl.String,
    "source_ref": pl.String,
    "kind": pl.String,
    "name": pl.String,
    "email": pl.String,
    "phone": pl.String,
    "domain": pl.String,
    "link_system": pl.String,
    "link_object": pl.String,
    "link_ref": pl.String,
    "created_at": pl.Datetime("us"),
}
RECORD_KEY = ["system", "object", "source_ref"]
LINK_KEY = ["link_system", "link_object", "link_ref"]


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
    """One row per record, and per absent record that another one points to, numbered in key order."""
    records = evidence.group_by(RECORD_KEY).agg(pl.col("created_at").min(), is_record=pl.lit(value=True))
    targets = (
        evidence.drop_nulls(LINK_KEY)
        .select(pl.col(link).alias(key) for link, key in zip(LINK_KEY, RECORD_KEY, strict=True))
        .unique()
        .join(records, on=RECORD_KEY, how="anti")
        .with_columns(created_at=pl.lit(None, dtype=pl.Datetime("us")), is_record=pl.lit(value=False))
    )
    is_account = pl.any_horizontal(
        pl.lit(value=False),
        *((pl.col("system") == system) & (pl.col("object") == name) for system, name in account_objects),
    )
    return (
        pl.concat([records, targets])
        .sort(RECORD_KEY)
        .with_columns(is_account=is_account, node=pl.int_range(pl.len(), dtype=pl.Int64))
    )


def keyed_evidence(evidence: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Put node numbers in the place of names and normalised keys in the place of raw texts.

    Args:
        evidence: Typed evidence.
        nodes: Numbered nodes.

    Returns:
        One row per row of evidence: `node`, `link_node`, `email_key`, `email_domain` and `stated_domain`
        (company domains of the address and of the domain field), `is_organization`, `is_account`.
    """
    numbers = nodes.select(*RECORD_KEY, "node", "is_account")
    link_numbers = nodes.select(
        *(pl.col(key).alias(link) for link, key in zip(LINK_KEY, RECORD_KEY, strict=True)),
        pl.col("node").alias("link_node"),
    )
    return (
        evidence.join(numbers, on=RECORD_KEY, validate="m:1")
        .join(link_numbers, on=LINK_KEY, how="left", validate="m:1")
        .with_columns(email_key=email_key(pl.col("email")))
        .select(
            "node",
            "link_node",
            "email_key",
            email_company_domain(pl.col("email_key")).alias("email_domain"),
            web_company_domain(pl.col("domain")).alias("stated_domain"),
            (pl.col("kind") == "organization").fill_null(value=False).alias("is_organization"),
            "is_account",
        )
    )


def _with_group(evidence: pl.DataFrame, nodes: pl.DataFrame, group_column: str) -> pl.DataFrame:
    return evidence.join(nodes.select("node", pl.col(group_column).alias("group")), on="node", validate="m:1")


def email_claims(evidence: pl.DataFrame, nodes: pl.DataFrame, group_column: str) -> pl.DataFrame:
    """The addresses that each group carries, as `groups.linking_claims` takes them."""
    return (
        _with_group(evidence.drop_nulls("email_key"), nodes, group_column)
        .select(
            "group",
            pl.col("email_key").alias("key"),
            pl.col("email_domain").alias("domain"),
            pl.lit(value=False).alias("is_stated"),
        )
        .unique()
    )


def organization_claims(evidence: pl.DataFrame, nodes: pl.DataFrame, group_column: str) -> pl.DataFrame:
    """Company domains of the groups' organizations: the stated ones or, without any, those of e-mails."""
    organizations = _with_group(evidence.filter("is_organization"), nodes, group_column)
    stated = (
        organizations.drop_nulls("stated_domain")
        .select("group", pl.col("stated_domain").alias("key"))
        .unique()
    )
    from_email = (
        organizations.drop_nulls("email_domain")
        .select("group", pl.col("email_domain").alias("key"))
        .unique()
        .join(stated, on="group", how="anti")
    )
    return pl.concat(
        [
            stated.with_columns(is_stated=pl.lit(value=True)),
            from_email.with_columns(is_stated=pl.lit(value=False)),
        ]
    ).select("group", "key", pl.col("key").alias("domain"), "is_stated")


def account_domains(evidence: pl.DataFrame, nodes: pl.DataFrame, group_column: str) -> pl.DataFrame:
    """Groups and domains of the CRM accounts; an absent account that others point to states no domain."""
    domains = (
        evidence.filter("is_account").drop_nulls("stated_domain").select("node", "stated_domain").unique()
    )
    return (
        nodes.filter("is_account")
        .select("node", pl.col(group_column).alias("group"))
        .join(domains, on="node", how="left", validate="1:m")
        .select("group", pl.col("stated_domain").alias("domain"))
    )


def person_claims(
    evidence: pl.DataFrame, nodes: pl.DataFrame, organization_claims: pl.DataFrame, max_parties_per_key: int
) -> pl.DataFrame:
    """Claims that join groups of persons only to the one group of organizations with their domain."""
    groups = _with_group(evidence, nodes, "organization_group")
    home_of_domain = (
        nodes.select(pl.col("email_group").alias("claimant"), pl.col("organization_group").alias("home"))
        .unique()
        .join(organization_claims, left_on="claimant", right_on="group", validate="1:m")
        .select(pl.col("key").alias("email_domain"), "home")
        .unique()
        .filter(pl.len().over("email_domain") == 1)
    )
    has_organization = (pl.col("is_organization") | pl.col("is_account")).any().over("group")
    homes = (
        groups.filter(~has_organization)
        .drop_nulls("email_domain")
        .select("group", "email_domain")
        .unique()
        .filter(pl.len().over("email_domain") <= max_parties_per_key)
        .join(home_of_domain, on="email_domain", validate="m:1")
        .select("group", "home")
        .unique()
        .filter(pl.len().over("group") == 1)
    )
    key = pl.format("home {}", "home").alias("key")
    return pl.concat([homes.select("group", key), homes.select(pl.col("home").alias("group"), key).unique()])
