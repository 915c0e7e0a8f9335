"""What groups of records claim by the keys that they carry, and the edges that follow from claims.

A claim is a group and a key; a key that more than one group may claim is divided into parts by names. Not here: which
keys count, and in which order (`exact.py`).
"""

import polars as pl

from dagster_project.identity.groups import DomainOwners, linking_claims


def edge(node: str | pl.Expr, key: pl.Expr, rule: str, strength: int) -> list[pl.Expr]:
    """Columns of an edge: `node`, `key` of those that it joins, `rule`, `strength`."""
    node = pl.col(node) if isinstance(node, str) else node
    return [
        node.alias("node"),
        pl.concat_str(pl.lit(f"{rule} "), key).alias("key"),
        pl.lit(rule).alias("rule"),
        pl.lit(float(strength)).alias("strength"),
    ]


def with_group(evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """The evidence with the `group` of its node."""
    return evidence.join(groups.select("node", "group"), on="node", validate="m:1")


def claims_of(evidence: pl.DataFrame, groups: pl.DataFrame, key: str, domain: str | None) -> pl.DataFrame:
    """The keys that each group carries, as `groups.linking_claims` takes them; `is_stated` is read when it is there."""
    company_domain = pl.col(domain) if domain else pl.lit(None, dtype=pl.String)
    is_stated = pl.col("is_stated") if "is_stated" in evidence.columns else pl.lit(value=False)
    return (
        with_group(evidence.drop_nulls(key), groups)
        .group_by("group", pl.col(key).alias("key"))
        .agg(company_domain.first().alias("domain"), is_stated.any().alias("is_stated"))
    )


def above_cap(claims: pl.DataFrame, rule: str, max_parties_per_key: int) -> pl.DataFrame:
    """Keys that too many groups carry to prove anything: `rule`, `key`, `party_count`."""
    return (
        claims.group_by("key")
        .agg(pl.col("group").n_unique().cast(pl.Int64).alias("party_count"))
        .filter(pl.col("party_count") > max_parties_per_key)
        .select(pl.lit(rule).alias("rule"), "key", "party_count")
    )


def within_cap(claims: pl.DataFrame, max_parties_per_key: int) -> pl.DataFrame:
    """Claims of the other keys."""
    return claims.filter(pl.len().over("key") <= max_parties_per_key)


def linking(
    claims: pl.DataFrame, owners: DomainOwners, names: pl.DataFrame, max_parties_per_key: int
) -> pl.DataFrame:
    """Claims that may join groups: `group`, `key`, and `raw_key` as the evidence has it."""
    named = claims.drop("raw_key").join(names, on="group", how="left", validate="m:1")
    linking = linking_claims(named, owners, max_parties_per_key)
    return linking.join(claims.select("group", "key", "raw_key"), on=["group", "key"], validate="1:1")


def edges_of(
    claims: pl.DataFrame, evidence: pl.DataFrame, groups: pl.DataFrame, key: str, rule: str, strength: int
) -> pl.DataFrame:
    """The nodes that carry the keys by which their groups are joined."""
    carriers = (
        with_group(evidence.drop_nulls(key), groups)
        .select("node", "group", pl.col(key).alias("raw_key"))
        .unique()
    )
    joined = claims.filter(pl.len().over("key") > 1).join(carriers, on=["group", "raw_key"], validate="1:m")
    return joined.select(edge("node", pl.col("key"), rule, strength)).unique()


def with_part(claims: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Claims on the part of the key that the group belongs to; those of no part go."""
    parts = parts.rename({"member": "group"})
    return (
        claims.join(parts, on=["key", "group"], validate="1:1")
        .with_columns(key=pl.format("{}#{}", "key", "part"))
        .drop("part")
    )


def only_names(evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Groups all companies of which have one name: `group`, `name`."""
    return (
        with_group(evidence.drop_nulls("legal_name"), groups)
        .select("group", name=pl.col("legal_name").str.replace_all(" ", "", literal=True))
        .unique()
        .filter(pl.len().over("group") == 1)
    )


def company_names(claims: pl.DataFrame, evidence: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """The names of those who claim: `key`, `member` (their group), `organization_name`."""
    names = (
        with_group(evidence.drop_nulls("legal_name"), groups)
        .select("group", organization_name="legal_name")
        .unique()
    )
    return claims.join(names, on="group", how="left").select(
        "key", pl.col("group").alias("member"), "organization_name"
    )
