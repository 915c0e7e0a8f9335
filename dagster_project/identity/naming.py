"""How a customer and a person are named, and how it is known that a record belongs to one.

Here: stable ids, `match_kind`, `match_probability` and `evidence` of each record. Not here: who is joined
(`resolve.py`).

A customer is named after its earliest record, so later records never rename a customer they do not join,
and of two customers that become one the older name remains. How a record is known to belong to its customer is the
strongest exact rule that joins it with another record; for records that exact rules do not connect with the
earliest one it is the rule that does.
"""

import polars as pl

from dagster_project.databases import connect
from dagster_project.identity.evidence import RECORD_KEY
from dagster_project.identity.groups import label_groups

# Strongest first. An edge of one rule also counts for all weaker ones.
RULE_PHRASES = {
    "external_id": "external id",
    "email": "e-mail equal",
    "phone": "phone equal and names agree",
    "domain": "company domain equal",
    "probabilistic": "alike",
    "override": "declared to match",
}
WEAKEST_EXACT_RULE = "domain"


def with_group(nodes: pl.DataFrame, edges: pl.DataFrame, group: str) -> pl.DataFrame:
    """Nodes with the component of the edges that they are in, in column `group`: its smallest node."""
    labels = label_groups(edges.select(pl.col("node").alias("group"), "key"))
    return nodes.join(
        labels.rename({"group": "node", "label": group}),
        on="node",
        how="left",
        validate="1:1",
        maintain_order="left",
    ).with_columns(pl.col(group).fill_null(pl.col("node")))


def with_names(nodes: pl.DataFrame, group: str, prefix: str, result: str) -> pl.DataFrame:
    """Nodes with the id of their group, made of its earliest record, and `<result>_head`, the node of that record.

    SHA-256 by DuckDB: polars' own hash may change with its version.
    """
    heads = (
        nodes.filter("is_record")
        .sort("created_at", "node", nulls_last=True)
        .unique(group, keep="first", maintain_order=True)
        .select(
            group,
            pl.col("node").alias(f"{result}_head"),
            pl.concat_str(RECORD_KEY, separator="|").alias("record"),
        )
    )
    with connect() as connection:
        connection.register("heads", heads.to_arrow())
        named = connection.sql(
            f"""
            select "{group}", "{result}_head", '{prefix}_' || left(sha256(record), 16) as "{result}_id"
            from heads
            """
        ).to_arrow_table()
    return nodes.join(
        pl.DataFrame(pl.from_arrow(named)), on=group, how="left", validate="m:1", maintain_order="left"
    )


def match_reasons(records: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """How each record is known to belong to its customer.

    Args:
        records: Nodes that are records, with `customer_head`.
        edges: `node`, `key`, `rule`, `probability`, `evidence` (null but for probabilistic edges).

    Returns:
        One row per record: `node`, `match_kind`, `match_probability`, `evidence`.
    """
    staged = records.select("node", "customer_head")
    rules = list(RULE_PHRASES)
    for position, rule in enumerate(rules):
        staged = with_group(staged, edges.filter(pl.col("rule").is_in(rules[: position + 1])), rule)
    heads = staged.select("node", *(pl.col(rule).alias(f"head_{rule}") for rule in rules))
    staged = staged.join(heads.rename({"node": "customer_head"}), on="customer_head", validate="m:1")
    is_with_head = pl.col(WEAKEST_EXACT_RULE) == pl.col(f"head_{WEAKEST_EXACT_RULE}")
    kind = pl.lit("only_record")
    for rule in reversed(rules):
        if rule in ("probabilistic", "override"):
            is_head = pl.col("node") == pl.col("customer_head")
            applies = (pl.col(rule) == pl.col(f"head_{rule}")) & (~is_with_head | is_head)
        else:
            applies = is_with_head
        kind = pl.when(applies & (pl.len().over(rule) > 1)).then(pl.lit(rule)).otherwise(kind)
    staged = staged.with_columns(match_kind=kind)
    likeness = _best_likeness(staged, edges)
    return (
        staged.join(likeness, on="node", how="left", validate="1:1")
        .join(_own_rules(edges, records), on="node", how="left", validate="1:1")
        .select(
            "node",
            "match_kind",
            pl.when(pl.col("match_kind") == "probabilistic")
            .then(pl.col("probability"))
            .otherwise(1.0)
            .alias("match_probability"),
            _evidence_text().alias("evidence"),
        )
    )


def _best_likeness(staged: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """The most probable likeness that joins what exact keys made one: `node`, `probability`, `likeness`."""
    best = (
        edges.filter(pl.col("rule") == "probabilistic")
        .join(staged.select("node", "domain"), on="node", validate="m:1")
        .sort("domain", "probability", "evidence", "key", descending=[False, True, False, False])
        .unique("domain", keep="first", maintain_order=True)
        .select("domain", "probability", pl.col("evidence").alias("likeness"))
    )
    return staged.select("node", "domain").join(best, on="domain", validate="m:1").drop("domain")


def _own_rules(edges: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """The exact rules that join each record with another one, strongest first: `node`, `own_rules`."""
    order = {rule: position for position, rule in enumerate(RULE_PHRASES)}
    return (
        edges.filter((pl.col("rule") != "probabilistic") & (pl.col("node").n_unique().over("key") > 1))
        .select("node", "rule")
        .unique()
        .join(records.select("node"), on="node", how="semi")
        .sort("node", pl.col("rule").replace_strict(order, return_dtype=pl.Int64))
        .group_by("node", maintain_order=True)
        .agg(
            pl.col("rule")
            .replace_strict(RULE_PHRASES, return_dtype=pl.String)
            .str.join("; ")
            .alias("own_rules")
        )
    )


def _evidence_text() -> pl.Expr:
    phrase = pl.col("match_kind").replace_strict(RULE_PHRASES, default=None, return_dtype=pl.String)
    own_rules = pl.col("own_rules")
    return (
        pl.when(pl.col("match_kind") == "only_record")
        .then(pl.lit("no other record"))
        .when(pl.col("match_kind") == "probabilistic")
        .then(pl.concat_str("likeness", own_rules, separator="; ", ignore_nulls=True))
        .when(own_rules.is_null())
        .then(pl.concat_str(phrase, pl.lit(" for a record of the same party")))
        .otherwise(own_rules)
    )
