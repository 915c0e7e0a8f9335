"""Groups of records and what may join them.

Here: connected components, and the rules that keep two CRM accounts of different companies apart. Not here:
how keys are read (`keys.py`) and in which order they are used (`resolve.py`).

Words: a *group* is a set of records known to be one customer so far; a *claim* is one group carrying one key;
an *owner* (of a domain) is the groups whose CRM accounts state the same company domain.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


class DomainOwners(NamedTuple):
    """What the CRM accounts say about the groups: three frames, each with one row per first column."""

    owner_of_group: pl.DataFrame  # group, owner: groups with an account that states a domain
    owner_of_domain: pl.DataFrame  # domain, domain_owner: whose accounts state the domain
    undecided_groups: pl.DataFrame  # group, is_undecided (true): groups with accounts, none with a domain


def connected_labels(left: pl.Series, right: pl.Series, node_count: int) -> pl.Series:
    """Label the connected components of an undirected graph.

    Args:
        left: Int64 node numbers from 0, one end of each edge.
        right: The other ends, same length.
        node_count: Number of nodes.

    Returns:
        Int64 labels, one per node.
    """
    ones = np.ones(len(left), dtype=np.int8)
    graph = coo_array((ones, (left.to_numpy(), right.to_numpy())), shape=(node_count, node_count))
    _, labels = connected_components(graph, directed=False)
    return pl.Series(labels, dtype=pl.Int64)


def label_groups(claims: pl.DataFrame) -> pl.DataFrame:
    """Join the groups that share a key, directly or through others.

    Args:
        claims: `group` (Int64) and `key` (text), one row per claim.

    Returns:
        One row per group of the claims: `group`, `label` (Int64; equal for groups that belong together, the
        smallest group number among them).
    """
    groups = claims.select("group").unique().sort("group").with_row_index("group_number")
    keys = claims.select("key").unique().sort("key").with_row_index("key_number", offset=groups.height)
    edges = claims.join(groups, on="group", validate="m:1").join(keys, on="key", validate="m:1")
    labels = connected_labels(
        edges.get_column("group_number").cast(pl.Int64),
        edges.get_column("key_number").cast(pl.Int64),
        groups.height + keys.height,
    )
    return groups.with_columns(component=labels.head(groups.height)).select(
        "group", pl.col("group").min().over("component").alias("label")
    )


def find_domain_owners(accounts: pl.DataFrame, max_parties_per_key: int) -> DomainOwners:
    """Gather the groups whose CRM accounts state the same domain.

    A domain stated by the accounts of more than `max_parties_per_key` groups (a franchise, a marketplace)
    gathers nobody: each of these groups is an owner of its own.

    Args:
        accounts: `group`, `domain` (text, null when the account states none), one row per account and domain.
        max_parties_per_key: Most groups that a domain may gather.

    Returns:
        The owners; owner numbers are group numbers.
    """
    stated = accounts.drop_nulls("domain").select("group", "domain").unique()
    is_common = pl.len().over("domain") > max_parties_per_key
    # A private key per group makes an owner of a group whose domains are all too common.
    own_claims = stated.select("group", pl.format("group {}", "group").alias("key")).unique()
    shared_claims = stated.filter(~is_common).select("group", pl.col("domain").alias("key"))
    owner_of_group = label_groups(pl.concat([own_claims, shared_claims])).rename({"label": "owner"})
    return DomainOwners(
        owner_of_group=owner_of_group,
        owner_of_domain=stated.filter(~is_common)
        .join(owner_of_group, on="group", validate="m:1")
        .select("domain", pl.col("owner").alias("domain_owner"))
        .unique(),
        undecided_groups=accounts.select("group")
        .unique()
        .join(stated, on="group", how="anti")
        .with_columns(is_undecided=True),
    )


def linking_claims(claims: pl.DataFrame, owners: DomainOwners, max_parties_per_key: int) -> pl.DataFrame:
    """Keep the claims that may join groups.

    In this order: a key of too many groups links nobody; a key at a domain that has an owner
    belongs to that owner, other owners' claims on it are dropped; a key that still spans two owners
    links nobody; so does a group without account that would bridge two owners by different keys.
    An account that states no domain takes the side of the owner of the key's domain; without such an owner
    it agrees with others on a stated domain, and on an e-mail address or number only with those of the very same name.

    Args:
        claims: `group`, `key`, `domain` (company domain of the key, null for free mail), `is_stated`
            (the key is a domain that a domain field states) and `name` (the only one of the group's companies, or
            null), one row per group and key.
        owners: What the CRM accounts say.
        max_parties_per_key: Most groups that may share a key.

    Returns:
        The surviving rows of `group`, `key`; no component of them spans two owners.
    """
    owned = (
        claims.filter(pl.len().over("key") <= max_parties_per_key)
        .join(owners.owner_of_group, on="group", how="left", validate="m:1")
        .join(owners.owner_of_domain, on="domain", how="left", validate="m:1")
        .join(owners.undecided_groups, on="group", how="left", validate="m:1")
        .filter(
            pl.col("domain_owner").is_null()
            | pl.col("owner").is_null()
            | (pl.col("domain_owner") == pl.col("owner"))
        )
    )
    undecided_side = (
        pl.when(pl.col("domain_owner").is_not_null())
        .then(pl.format("owner {}", "domain_owner"))
        .when("is_stated")
        .then(pl.format("domain {}", "domain"))
        .when(pl.col("name").is_not_null())
        .then(pl.format("name {}", "name"))
        .otherwise(pl.format("group {}", "group"))
    )
    side = (
        pl.when(pl.col("owner").is_not_null())
        .then(pl.format("owner {}", "owner"))
        .when("is_undecided")
        .then(undecided_side)
    )
    side_count = side.drop_nulls().n_unique().over("key")
    agreed = owned.filter(side_count <= 1).select("group", "key", "owner")
    return _without_bridges(agreed).select("group", "key")


def _without_bridges(claims: pl.DataFrame) -> pl.DataFrame:
    """Drop what joins two owners through groups that belong to neither.

    Within the components that span owners, each owner spreads over keys and groups one step a round; a
    key or group that two owners reach in the same round is dropped, so everything goes to the nearest
    owner and what is equally near to none.
    """
    label_of_group = label_groups(claims)
    labelled = claims.join(label_of_group, on="group", validate="m:1")
    spans_owners = pl.col("owner").drop_nulls().n_unique().over("label") > 1
    safe = labelled.filter(~spans_owners).drop("label")
    disputed = labelled.filter(spans_owners).drop("label")
    while True:
        before = (disputed.height, disputed.get_column("owner").null_count())
        disputed = _spread_owners(_spread_owners(disputed, "key"), "group")
        if (disputed.height, disputed.get_column("owner").null_count()) == before:
            return pl.concat([safe, disputed])


def _spread_owners(claims: pl.DataFrame, across: str) -> pl.DataFrame:
    """Give claims without owner the one owner met at their `across`; drop those that meet two."""
    owner = pl.col("owner")
    met = claims.filter(owner.drop_nulls().n_unique().over(across) <= 1)
    return met.with_columns(owner.fill_null(owner.drop_nulls().first().over(across)))
