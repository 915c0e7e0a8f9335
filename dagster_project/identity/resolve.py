"""Who is who: one customer for all records of one paying party, one person for all records of one human being.

Here: the order of the steps, and the frames that come out of them. The steps themselves are in the other
files:

1. `evidence.py` reads the evidence and writes its keys in one spelling (`keys.py`, `spelling.py`,
   `telephone.py`).
2. `exact.py` joins by exact keys.
3. `likeness.py` joins what is alike beyond doubt.
4. Overrides (`overrides.py`) join pairs, even such that could not be linked, and separate pairs
   (`separation.py`). Records under one declared parent, or in one declared household, are separate parties
   too, and so are accounts of one object whose names have nothing in common.
5. `naming.py` names customers and persons; `households.py` and `changes.py` look at the result.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from dagster_project.databases import connect
from dagster_project.identity.agreement import agreeing_organizations
from dagster_project.identity.changes import CHANGE_SCHEMA, identity_changes
from dagster_project.identity.evidence import RECORD_KEY, keyed_evidence, number_nodes, typed_evidence
from dagster_project.identity.exact import exact_groups
from dagster_project.identity.groups import label_groups
from dagster_project.identity.households import declared_groups, household_members
from dagster_project.identity.likeness import alike
from dagster_project.identity.matching import Learned
from dagster_project.identity.naming import match_reasons, with_group, with_names
from dagster_project.identity.separation import cut_edges

OVERRIDE_STRENGTH = 1e6
OBJECT_KEY = ["system", "object"]


@dataclass(frozen=True)
class IdentityOptions:
    """What may be set.

    Attributes:
        max_parties_per_identifier: An e-mail, number or domain that more parties share links nobody.
        match_probability: From this probability on two records are one party.
        review_probability: From this probability on a person should look at the pair.
        account_objects: (system, object) whose organizations stand for one company each.
    """

    max_parties_per_identifier: int = 10
    match_probability: float = 0.95
    review_probability: float = 0.5
    account_objects: tuple[tuple[str, str], ...] = (("salesforce", "accounts"), ("files", "customers"))


class Resolution(NamedTuple):
    """What identity resolution finds; every frame is sorted and free of personal data.

    `learned` says by kind of record how they were compared; the next run may take it up.
    """

    identities: pl.DataFrame
    review_queue: pl.DataFrame
    shared_identifiers: pl.DataFrame
    changes: pl.DataFrame
    household_members: pl.DataFrame
    learned: dict[str, Learned]


def resolve_identities(
    parties: pl.DataFrame,
    overrides: pl.DataFrame,
    previous: pl.DataFrame,
    options: IdentityOptions | None = None,
    learned: Mapping[str, Learned] | None = None,
) -> Resolution:
    """Give every source record its customer and every person record its person.

    Args:
        parties: Evidence with the columns of `PARTY_SCHEMA`; several rows may tell about one record
            (`system`, `object`, `source_ref`), each with another link or address. `kind` is `organization`
            or `person`, `domain` a domain or web address, `link_*` the record it says it belongs to,
            `parent_ref` its parent organization or household head in the same system and object.
        overrides: As `overrides.read_overrides` gives them.
        previous: `identities` of the last run, or an empty frame of any columns. It gives the changes, and
            decides what the likeness of two records leaves open (`profiles.py`).
        options: Thresholds and caps.
        learned: By kind of record, what an earlier run has learned and compared; without it all is learned and compared
            anew.

    Returns:
        `identities`: one row per record: its key, `customer_id` (`c_` and 16 hexadecimal digits), `person_id`
        (`p_...`, null for organizations), `match_kind` (external_id, email, phone, domain, probabilistic,
        override or only_record), `match_probability` and `evidence` (in words, see `naming.py`).

        `review_queue`: one row per pair that may be one party: `left_system`, `left_object`, `left_ref`,
        `right_*`, `match_probability`, `evidence`; also pairs above the match threshold where other records,
        or the household that the two may share, speak against it.

        `shared_identifiers`: one row per identifier above the cap: `identifier_kind` (email, phone, domain),
        `identifier` (the domain, or the first digits of the SHA-256 of an address or number), `party_count`.

        `changes`: see `changes.identity_changes`; empty without `previous`.

        `household_members`: see `households.household_members`.

    Raises:
        ValueError: When a column is missing or a record has no key.
    """
    options = options or IdentityOptions()
    evidence = typed_evidence(parties)
    nodes = number_nodes(evidence, options.account_objects)
    evidence = keyed_evidence(evidence, nodes)
    always, never = _override_pairs(overrides, nodes)
    nodes = _with_history(nodes.join(declared_groups(nodes), on="node", how="left", validate="1:1"), previous)

    exact = exact_groups(evidence, nodes, options.max_parties_per_identifier)
    likeness = alike(
        _without_shared_keys(evidence, exact.shared_keys),
        nodes,
        exact,
        never,
        _weight(options.match_probability),
        _weight(options.review_probability),
        learned or {},
    )
    override_edges = _override_edges(always)
    joined = _all_edges(exact.customer_edges, likeness.customer_edges, override_edges)
    forbidden = pl.concat([never, _declared_pairs(nodes, evidence, joined, override_edges)])
    undivided_edges = cut_edges(joined, forbidden)
    customer_edges = cut_edges(
        undivided_edges, _differently_named_accounts(nodes, evidence, undivided_edges, override_edges)
    )
    doubted = _alike_pairs(undivided_edges, customer_edges)
    are_persons = nodes.filter(~pl.col("is_organization")).select("node")
    person_edges = _all_edges(exact.person_edges, likeness.person_edges, _within(override_edges, are_persons))
    person_edges = cut_edges(person_edges, forbidden)

    nodes = with_names(with_group(nodes, customer_edges, "customer_group"), "customer_group", "c", "customer")
    nodes = with_names(with_group(nodes, person_edges, "person_group"), "person_group", "p", "person")
    records = nodes.filter("is_record")
    identities = _identities(records, match_reasons(records, customer_edges))
    return Resolution(
        identities=identities,
        review_queue=_review_queue(pl.concat([likeness.review_pairs, doubted]), nodes),
        shared_identifiers=_shared_identifiers(exact.shared_keys),
        changes=_changes(previous, identities),
        household_members=household_members(
            evidence,
            records.with_columns(
                customer_number="customer_head",
                customer_created_at=pl.col("created_at").min().over("customer_group"),
            ),
        ),
        learned=likeness.learned,
    )


def _weight(probability: float) -> float:
    """log2 of the odds."""
    return math.log2(probability / (1 - probability))


def _with_history(nodes: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Nodes with the customer and person that they had in the last run; sorted by node."""
    ids = ["customer_id", "person_id"]
    history = pl.DataFrame(schema=dict.fromkeys([*RECORD_KEY, *ids], pl.String))
    if not previous.is_empty():
        history = previous.select(pl.col(column).cast(pl.String) for column in history.columns)
    return nodes.join(
        history.rename({name: f"previous_{name}" for name in ids}), on=RECORD_KEY, how="left", validate="1:1"
    ).sort("node")


def _without_shared_keys(evidence: pl.DataFrame, shared_keys: pl.DataFrame) -> pl.DataFrame:
    """Evidence without the keys above the cap and the mailboxes of desks: they say nothing about likeness either."""
    shared = {
        rule: shared_keys.filter(pl.col("rule") == rule).get_column("key").implode()
        for rule in ("email", "phone", "domain")
    }
    is_own_address = ~pl.col("email_key").is_in(shared["email"])
    is_own_domain = is_own_address & ~pl.col("email_domain").is_in(shared["domain"])
    return evidence.with_columns(
        email_domain=pl.when(is_own_domain).then("email_domain"),
        email_key=pl.when(is_own_address & ~pl.col("is_role_mailbox")).then("email_key"),
        phone_key=pl.when(~pl.col("phone_key").is_in(shared["phone"])).then("phone_key"),
        stated_domain=pl.when(~pl.col("stated_domain").is_in(shared["domain"])).then("stated_domain"),
    )


def _override_pairs(overrides: pl.DataFrame, nodes: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Pairs that always and that never match; an override of a record that is not there waits for it."""
    pairs = overrides
    for side in ("left", "right"):
        keys = {"system": f"{side}_system", "object": f"{side}_object", "source_ref": f"{side}_ref"}
        numbers = nodes.select(*RECORD_KEY, pl.col("node").alias(f"{side}_node")).rename(keys)
        pairs = pairs.join(numbers, on=list(keys.values()), validate="m:1")
    always = pairs.filter(pl.col("rule") == "always_match").select("left_node", "right_node").unique()
    return always, pairs.filter(pl.col("rule") == "never_match").select("left_node", "right_node").unique()


def _override_edges(always: pl.DataFrame) -> pl.DataFrame:
    key = pl.format("override {}-{}", "left_node", "right_node")
    return pl.concat(
        [
            always.select(
                pl.col(side).alias("node"),
                key.alias("key"),
                pl.lit("override").alias("rule"),
                pl.lit(OVERRIDE_STRENGTH).alias("strength"),
            )
            for side in ("left_node", "right_node")
        ]
    ).sort("node", "key")


def _all_edges(*edges: pl.DataFrame) -> pl.DataFrame:
    missing = {"probability": pl.Float64, "evidence": pl.String}
    return pl.concat(
        [
            part.with_columns(
                pl.lit(None, dtype=dtype).alias(name)
                for name, dtype in missing.items()
                if name not in part.columns
            )
            for part in edges
        ],
        how="diagonal",
    )


def _within(edges: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Edges both ends of which are among the nodes."""
    inner = edges.join(nodes, on="node", how="semi")
    return inner.filter(pl.len().over("key") > 1)


def _declared_pairs(
    nodes: pl.DataFrame, evidence: pl.DataFrame, edges: pl.DataFrame, override_edges: pl.DataFrame
) -> pl.DataFrame:
    """Records that are connected although declared to be two parties: parent and child, children of one parent.

    Children of one name may be duplicates of each other, and a pair that an override joins stays joined.
    """
    names = evidence.group_by("node").agg(
        pl.coalesce("organization_name", "given_name").drop_nulls().min().alias("name")
    )
    grouped = with_group(nodes, edges, "group").join(names, on="node", how="left", validate="1:1")
    children = grouped.drop_nulls("parent_key").select("parent_key", "group", "name", right_node="node")
    parents = grouped.select("group", parent_key="own_key", left_node="node")
    of_parent = children.join(parents, on=["parent_key", "group"], validate="m:1")
    siblings = children.join(
        children.rename({"right_node": "left_node", "name": "left_name"}), on=["parent_key", "group"]
    ).filter((pl.col("left_node") < pl.col("right_node")) & pl.col("name").ne_missing(pl.col("left_name")))
    pairs = pl.concat([frame.select("left_node", "right_node") for frame in (of_parent, siblings)]).unique()
    return _without_joined_by(pairs, override_edges)


def _differently_named_accounts(
    nodes: pl.DataFrame, evidence: pl.DataFrame, edges: pl.DataFrame, override_edges: pl.DataFrame
) -> pl.DataFrame:
    """Accounts of one object that are connected although their names have nothing in common: the CRM knows two firms.

    They stay one where they state one domain, or where ids or a person say so.
    """
    is_account = pl.col("is_account") & pl.col("is_record")
    accounts = with_group(nodes, edges, "party").filter(
        is_account & (pl.len().over("party", *OBJECT_KEY) > 1)
    )
    names = (
        accounts.select("node", "party", key=pl.concat_str("party", *OBJECT_KEY, separator="/"))
        .join(evidence.select("node", "legal_name", "stated_domain"), on="node")
        .rename({"node": "member"})
    )
    named = names.drop_nulls("legal_name").rename({"legal_name": "organization_name"})
    at_domain = names.drop_nulls("stated_domain").rename({"stated_domain": "organization_name"})
    claims = ["key", "member", "organization_name"]
    parts = agreeing_organizations(pl.concat([named.select(claims), at_domain.select(claims)]).unique())
    parts = parts.join(named.select("member").unique(), on="member", how="semi")
    pairs = (
        parts.join(parts, on="key", suffix="_right")
        .filter((pl.col("member") < pl.col("member_right")) & (pl.col("part") != pl.col("part_right")))
        .select(left_node="member", right_node="member_right")
    )
    return _without_joined_by(
        _without_joined_by(pairs, override_edges), edges.filter(pl.col("rule") == "external_id")
    )


def _without_joined_by(pairs: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """The pairs that these edges alone do not connect."""
    matched = label_groups(edges.select(pl.col("node").alias("group"), "key"))
    connected = pairs.join(matched.rename({"group": "left_node"}), on="left_node", validate="m:1").join(
        matched.rename({"group": "right_node"}), on=["right_node", "label"], validate="m:1"
    )
    return pairs.join(connected, on=["left_node", "right_node"], how="anti")


def _alike_pairs(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Pairs of likeness that were cut, as the review takes them."""
    cut = before.join(after, on=["node", "key"], how="anti").select("key").unique()
    return (
        before.filter(pl.col("rule") == "probabilistic")
        .join(cut, on="key", how="semi")
        .group_by("key")
        .agg(
            pl.col("node").min().alias("left_node"),
            pl.col("node").max().alias("right_node"),
            pl.col("probability").first().alias("match_probability"),
            pl.col("evidence").first(),
        )
        .drop("key")
    )


def _identities(records: pl.DataFrame, reasons: pl.DataFrame) -> pl.DataFrame:
    is_person = ~pl.col("is_organization") & ~pl.col("is_account")
    return (
        records.join(reasons, on="node", validate="1:1")
        .select(
            *RECORD_KEY,
            "customer_id",
            pl.when(is_person).then("person_id").alias("person_id"),
            "match_kind",
            "match_probability",
            "evidence",
        )
        .sort(RECORD_KEY)
    )


def _review_queue(pairs: pl.DataFrame, nodes: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the keys of their records; those that something else joined are settled.

    Where a record's key is an e-mail address, another record of the same person speaks for it; without one
    the pair is left out.
    """
    names = ["system", "object", "ref"]
    speakers = (
        nodes.filter(pl.col("is_record") & ~pl.col("source_ref").str.contains("@", literal=True))
        .sort("node")
        .unique("person_group", keep="first", maintain_order=True)
        .select("person_group", *RECORD_KEY)
    )
    parties = nodes.select("node", "customer_group", "person_group")
    result = pairs
    for side in ("left", "right"):
        spoken = speakers.rename({key: f"{side}_{name}" for key, name in zip(RECORD_KEY, names, strict=True)})
        result = result.join(
            parties.rename({"node": f"{side}_node", "customer_group": f"{side}_customer"}),
            on=f"{side}_node",
            validate="m:1",
        ).join(spoken, on="person_group", validate="m:1").drop("person_group")  # fmt: skip
    columns = [f"{side}_{name}" for side in ("left", "right") for name in names]
    return (
        result.filter(pl.col("left_customer") != pl.col("right_customer"))
        .select(*columns, "match_probability", "evidence")
        .sort(*columns, "match_probability", "evidence", descending=[*[False] * len(columns), True, False])
        .unique(
            columns, keep="first", maintain_order=True
        )  # several profiles of one person may resemble another
    )


def _shared_identifiers(shared_keys: pl.DataFrame) -> pl.DataFrame:
    """Keys above the cap; a domain is no personal data, of the rest only the hash is given."""
    with connect() as connection:
        connection.register("shared_keys", shared_keys.to_arrow())
        masked = connection.sql(
            """
            select
                rule as identifier_kind,
                case when rule = 'domain' then key else left(sha256(key), 16) end as identifier,
                party_count
            from shared_keys
            order by identifier_kind, identifier
            """
        ).to_arrow_table()
    return pl.DataFrame(pl.from_arrow(masked))


def _changes(previous: pl.DataFrame, identities: pl.DataFrame) -> pl.DataFrame:
    if previous.is_empty():
        return pl.DataFrame(schema=CHANGE_SCHEMA)
    return identity_changes(previous, identities)
