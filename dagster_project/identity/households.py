"""Which customers live or belong together: families and corporate groups.

Here: households from addresses and from declared heads and parents. Not here: who a customer is
(`resolve.py`).

A *family* is the customers of kind person with one surname at one normalised address (street, number and
postal code), and those whose records name a household head. A *corporate group* is the organizations under
one parent, the whole tree. Both need at least two customers; a customer is in one household at most.
"""

import polars as pl

from dagster_project.identity.groups import label_groups

MAX_FAMILY_CUSTOMERS = 20  # more customers of one surname at one address are a home or a dormitory


def declared_groups(nodes: pl.DataFrame) -> pl.DataFrame:
    """The tree of parents that each record is in.

    Args:
        nodes: Numbered nodes with `own_key`, `parent_key`.

    Returns:
        `node`, `declared_group` (the smallest node of the tree): records with a parent, and parents. A circle
        is one tree.
    """
    claims = _parent_claims(nodes)
    return label_groups(claims.select(pl.col("node").alias("group"), "key")).rename(
        {"group": "node", "label": "declared_group"}
    )


def household_members(evidence: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Gather customers into households.

    Args:
        evidence: Keyed evidence.
        nodes: Nodes with `customer_id`, `customer_number` (Int64, one per customer), `customer_created_at`.

    Returns:
        One row per household and customer, sorted: `household_id` (`h_` and the hexadecimal digits of its
        first customer), `customer_id`, `household_kind` (family or corporate_group), `basis` (declared,
        same_address_and_surname or parent), `role` (head or member; one head).
    """
    customers = nodes.group_by(customer="customer_number").agg(
        pl.col("customer_id").first(),
        pl.col("customer_created_at").first(),
        is_organization=(pl.col("is_organization") | pl.col("is_account")).any(),
    )
    customer_of_node = nodes.select("node", customer="customer_number")
    claims = pl.concat(
        [
            _declared_claims(nodes, customer_of_node, customers),
            _address_claims(evidence, nodes, customer_of_node, customers),
        ]
    )
    households = label_groups(claims.select(pl.col("customer").alias("group"), "key")).rename(
        {"group": "customer"}
    )
    members = households.filter(pl.len().over("label") > 1).join(customers, on="customer", validate="1:1")
    declared = (
        claims.filter("is_declared")
        .group_by("customer")
        .agg(pl.col("is_parent").any(), pl.col("has_parent").any())
    )
    is_top = pl.col("is_parent").fill_null(value=False) & ~pl.col("has_parent").fill_null(value=False)
    ranked = members.join(declared, on="customer", how="left", validate="1:1").sort(
        "label",
        ~is_top,
        ~pl.col("is_parent").fill_null(value=False),
        pl.col("customer_created_at"),
        "customer_id",
        nulls_last=True,
    )
    oldest = members.sort("label", "customer_created_at", "customer_id", nulls_last=True).select(
        "label", pl.col("customer_id").str.replace("^c_", "h_").first().over("label").alias("household_id")
    )
    basis = (
        pl.when("is_organization")
        .then(pl.lit("parent"))
        .when(pl.col("is_parent").is_not_null())
        .then(pl.lit("declared"))
        .otherwise(pl.lit("same_address_and_surname"))
    )
    role = pl.when(pl.int_range(pl.len()).over("label") == 0).then(pl.lit("head")).otherwise(pl.lit("member"))
    kind = pl.when("is_organization").then(pl.lit("corporate_group")).otherwise(pl.lit("family"))
    return (
        ranked.with_columns(household_kind=kind, basis=basis, role=role)
        .join(oldest.unique(), on="label", validate="m:1")
        .select("household_id", "customer_id", "household_kind", "basis", "role")
        .sort("household_id", "customer_id")
    )


def _parent_claims(nodes: pl.DataFrame) -> pl.DataFrame:
    """Children claim their parent's key, and the parent its own: `node`, `key`, `is_parent`."""
    children = nodes.drop_nulls("parent_key").select("node", pl.col("parent_key").alias("key"))
    parents = (
        nodes.select("node", pl.col("own_key").alias("key"))
        .join(children.select("key").unique(), on="key", how="semi")
        .with_columns(is_parent=pl.lit(value=True))
    )
    return pl.concat([children.with_columns(is_parent=pl.lit(value=False)), parents])


def _declared_claims(
    nodes: pl.DataFrame, customer_of_node: pl.DataFrame, customers: pl.DataFrame
) -> pl.DataFrame:
    """Customers and the parents that their records name; persons and organizations apart."""
    kinds = customers.select("customer", "is_organization")
    return (
        _parent_claims(nodes)
        .join(customer_of_node, on="node", validate="m:1")
        .join(kinds, on="customer", validate="m:1")
        .select(
            "customer",
            pl.format("{} {}", "is_organization", "key").alias("key"),
            "is_parent",
            (~pl.col("is_parent")).alias("has_parent"),
            pl.lit(value=True).alias("is_declared"),
        )
    )


def _address_claims(
    evidence: pl.DataFrame, nodes: pl.DataFrame, customer_of_node: pl.DataFrame, customers: pl.DataFrame
) -> pl.DataFrame:
    """Customers of kind person and the address and surname of their paying records."""
    persons = customers.filter(~pl.col("is_organization")).select("customer")
    paying = nodes.filter("is_paying_party").select("node")
    return (
        evidence.join(paying, on="node", how="semi")
        .drop_nulls(["street", "postal_code", "surname"])
        .join(customer_of_node, on="node", validate="m:1")
        .join(persons, on="customer", how="semi")
        .select("customer", pl.concat_str("street", "postal_code", "surname", separator="|").alias("key"))
        .unique()
        .filter(pl.len().over("key").is_between(2, MAX_FAMILY_CUSTOMERS))
        .with_columns(
            is_parent=pl.lit(value=False), has_parent=pl.lit(value=False), is_declared=pl.lit(value=False)
        )
    )
