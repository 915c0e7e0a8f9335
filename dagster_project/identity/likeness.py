"""One customer and one person for records that only resemble each other.

Here: which records are compared with which (those that exact keys left apart), and what a match joins. Not
here: the matching itself (`profiles.py`).

* **Persons.** Records that exact keys made one person are one *profile*: of each field the value that most
  records have. Profiles of one cluster are one person; clusters are profiles in their turn, in further rounds.
  Their customers are joined only when the records are *free*: no company is among the records of their customer.
  A person who is a contact of two companies, or of a company and pays for himself, stays one person with several
  customers. Free records that pay for nothing follow the cluster's paying persons or, when there are none, the one
  company whose contact is in the cluster.
* **Companies.** Customers with a company are compared by the fields of its records. Accounts with different
  domains are never joined: a cluster that would do so is given up. Neither are the members of one declared
  group.
"""

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from dagster_project.identity.exact import ExactGroups
from dagster_project.identity.matching import MIN_TRAINING_RECORDS, Learned, match_probability
from dagster_project.identity.memory import still_fits
from dagster_project.identity.naming import with_group
from dagster_project.identity.organization_model import ORGANIZATION_MODEL, organization_columns
from dagster_project.identity.person_model import PERSON_MODEL, person_columns
from dagster_project.identity.profiles import Matches, Remembered, match_profiles, profiles

MAX_FURTHER_ROUNDS = 3
PERSON_FIELDS = (
    "given_name",
    "surname",
    "birth_date",
    "street",
    "city",
    "postal_code",
    "email_key",
    "phone_key",
    "company_domain",
)
ORGANIZATION_FIELDS = (
    "organization_name",
    "street",
    "city",
    "postal_code",
    "email_key",
    "phone_key",
    "company_domain",
)


class Likeness(NamedTuple):
    """What likeness joins, and which pairs a person should look at."""

    customer_edges: pl.DataFrame  # node, key, rule, strength (match weight), probability, evidence
    person_edges: pl.DataFrame  # the same
    review_pairs: pl.DataFrame  # left_node, right_node, match_probability, evidence
    learned: dict[str, Learned]  # by kind, how records were compared


def alike(
    evidence: pl.DataFrame,
    nodes: pl.DataFrame,
    exact: ExactGroups,
    forbidden: pl.DataFrame,
    match_weight: float,
    review_weight: float,
    learned: Mapping[str, Learned],
) -> Likeness:
    """Join what exact keys left apart.

    Args:
        evidence: Keyed evidence.
        nodes: Numbered nodes with `declared_group` (the household or corporate group that a record is declared
            in), `previous_customer_id` and `previous_person_id` (of the last run).
        exact: What exact keys join.
        forbidden: `left_node`, `right_node`: pairs that a person has declared to be two parties.
        match_weight: log2 odds from which two profiles are one party.
        review_weight: log2 odds from which a person should look.
        learned: By kind, how an earlier run compared records.

    Returns:
        Edges and pairs to review.
    """
    line = (match_weight, review_weight)
    person = _match_persons(evidence, nodes, exact, forbidden, line, learned.get(PERSON_MODEL.kind))
    company = _match_companies(evidence, nodes, exact, forbidden, line, learned.get(ORGANIZATION_MODEL.kind))
    by_kind = {PERSON_MODEL.kind: person.learned, ORGANIZATION_MODEL.kind: company.learned}
    return Likeness(
        customer_edges=pl.concat([_free_edges(person, nodes, exact), _pair_edges(company.joined)]),
        person_edges=_pair_edges(person.joined),
        review_pairs=pl.concat([matches.review(review_weight) for matches in (person, company)]),
        learned={kind: of_kind for kind, of_kind in by_kind.items() if of_kind},
    )


def _match_persons(
    evidence: pl.DataFrame,
    nodes: pl.DataFrame,
    exact: ExactGroups,
    forbidden: pl.DataFrame,
    line: tuple[float, float],
    learned: Learned | None,
) -> Matches:
    is_person = ~pl.col("is_organization") & pl.col("is_record") & ~pl.col("is_account")
    members = with_group(nodes, exact.person_edges, "profile").filter(is_person).with_columns(
        previous_id="previous_person_id", owner=pl.lit(None, dtype=pl.Int64)
    )  # fmt: skip
    evidence = evidence.with_columns(company_domain="email_domain")
    first = _person_profiles(evidence, members)
    if first.height < MIN_TRAINING_RECORDS:
        return match_profiles(first, members, PERSON_MODEL, forbidden, *line)
    known = still_fits(learned, first.height)
    matches = match_profiles(first, members, PERSON_MODEL, forbidden, *line, known, "two")
    clusters = matches.clusters.clear()
    for _ in range(MAX_FURTHER_ROUNDS):
        if matches.clusters.equals(clusters):
            break
        clusters = matches.clusters
        matches = _with_further_round(evidence, matches, forbidden, line, "two")
    # Who was one in the last run is thought of last, when everything has fallen as it did then: so the same records
    # give the same persons.
    has_history = members.get_column("previous_id").null_count() < members.height
    return _with_further_round(evidence, matches, forbidden, line, "one") if has_history else matches


def _person_profiles(evidence: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    fields = profiles(evidence, members, PERSON_FIELDS)
    named = fields.filter(pl.col("surname").is_not_null() | pl.col("given_name").is_not_null())
    # Of records, not of profiles: so a name is as frequent in every round.
    frequency = evidence.group_by("given_name").agg(given_name_count=pl.col("node").n_unique())
    return person_columns(named.join(frequency, on="given_name", how="left", validate="m:1"))


def _with_further_round(
    evidence: pl.DataFrame,
    matches: Matches,
    forbidden: pl.DataFrame,
    line: tuple[float, float],
    remembered: Remembered,
) -> Matches:
    """Compare the clusters anew, each as one profile: what most of its records say is hardly wrong."""
    cluster_of_profile = matches.clusters.rename({"unique_id": "profile"})
    gathered = (
        matches.members.join(cluster_of_profile, on="profile", how="left", validate="m:1")
        .with_columns(profile=pl.coalesce("cluster", "profile"))
        .drop("cluster")
    )
    records = _person_profiles(evidence, gathered)
    further = match_profiles(
        records, gathered, PERSON_MODEL, forbidden, *line, matches.learned, remembered, is_further_round=True
    )
    return _of_first_profiles(matches, further)


def _of_first_profiles(matches: Matches, further: Matches) -> Matches:
    """Matches of profiles together with matches of their clusters, all in terms of the profiles."""
    first = (
        matches.members.select(unique_id="profile")
        .unique()
        .join(matches.clusters, on="unique_id", how="left", validate="1:1")
        .select("unique_id", first=pl.coalesce("cluster", "unique_id"))
    )
    clusters = (
        first.join(further.clusters.rename({"unique_id": "first"}), on="first", how="left", validate="m:1")
        .select("unique_id", cluster=pl.coalesce("cluster", "first"))
        .filter(pl.len().over("cluster") > 1)
        .sort("unique_id")
    )
    joined = further.joined
    for side in ("left", "right"):
        of_side = first.rename({"unique_id": side})
        joined = joined.rename({side: "first"}).join(of_side, on="first").drop("first")
    joined = joined.with_columns(
        left=pl.min_horizontal("left", "right"), right=pl.max_horizontal("left", "right")
    ).select(matches.joined.columns)
    return matches._replace(
        clusters=clusters,
        joined=pl.concat([matches.joined, joined]).sort("left", "right", "match_weight"),
        others=further.others,
    )


def _match_companies(
    evidence: pl.DataFrame,
    nodes: pl.DataFrame,
    exact: ExactGroups,
    forbidden: pl.DataFrame,
    line: tuple[float, float],
    learned: Learned | None,
) -> Matches:
    organizations = evidence.filter("is_organization").with_columns(
        company_domain=pl.coalesce("stated_domain", "email_domain")
    )
    owners = exact.owners.owner_of_group.rename({"group": "profile"})
    members = (
        nodes.filter("is_organization")
        .join(exact.group_of_node.rename({"group": "profile"}), on="node", validate="1:1")
        .join(owners, on="profile", how="left", validate="m:1")
        .with_columns(previous_id="previous_customer_id")
    )
    fields = profiles(organizations, members, ORGANIZATION_FIELDS).drop_nulls("organization_name")
    known = still_fits(learned, fields.height)
    matches = match_profiles(
        organization_columns(fields), members, ORGANIZATION_MODEL, forbidden, *line, known
    )
    # A chain of likenesses may still join two owners: nobody knows which link is wrong.
    spans_owners = (
        matches.clusters.join(owners, left_on="unique_id", right_on="profile", validate="1:1")
        .group_by("cluster")
        .agg(pl.col("owner").n_unique())
        .filter(pl.col("owner") > 1)
    )
    clusters = matches.clusters.join(spans_owners, on="cluster", how="anti")
    kept = pl.col("left").is_in(clusters.get_column("unique_id").implode())
    return matches._replace(
        clusters=clusters,
        joined=matches.joined.filter(kept),
        others=pl.concat([matches.others, matches.joined.filter(~kept)]),
    )


def _pair_edges(pairs: pl.DataFrame) -> pl.DataFrame:
    """Edges between the two ends of each pair."""
    key = pl.format("alike {}-{}", "left", "right")
    return pl.concat(
        [
            pairs.select(
                pl.col(end).alias("node"),
                key.alias("key"),
                pl.lit("probabilistic").alias("rule"),
                # A pair that speaks against its cluster still belongs to it: it holds least.
                pl.col("match_weight").clip(0.1, 25.0).alias("strength"),
                match_probability(pl.col("match_weight")).alias("probability"),
                "evidence",
            )
            for end in ("left", "right")
        ]
    )


def _free_edges(matches: Matches, nodes: pl.DataFrame, exact: ExactGroups) -> pl.DataFrame:
    """Edges between customers by their persons: of free records, and of those that pay for nothing to a company."""
    grouped = matches.members.join(exact.group_of_node, on="node", validate="1:1").join(
        matches.clusters.rename({"unique_id": "profile"}), on="profile", validate="m:1"
    )
    customers = (
        nodes.join(exact.group_of_node, on="node", validate="1:1")
        .group_by("group")
        .agg(
            has_company=(pl.col("is_organization") | pl.col("is_account")).any(),
            is_paying=pl.col("is_paying_party").any(),
        )
    )
    grouped = grouped.join(customers, on="group", validate="m:1")
    free = grouped.filter(~pl.col("has_company")).group_by("profile").agg(free_node=pl.col("node").min())
    pairs = (
        matches.joined.join(
            free.rename({"profile": "left", "free_node": "left_node"}), on="left", validate="m:1"
        )
        .join(free.rename({"profile": "right", "free_node": "right_node"}), on="right", validate="m:1")
        .select(
            pl.col("left_node").alias("left"), pl.col("right_node").alias("right"), "match_weight", "evidence"
        )
    )
    return _pair_edges(pl.concat([pairs, _home_pairs(grouped, matches.joined)]))


def _home_pairs(grouped: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """Pairs of free records that pay for nothing with contacts of the one company that they can belong to.

    Args:
        grouped: Clustered person records: `node`, `profile`, `cluster`, `group` (their customer), `has_company`,
            `is_paying`.
        joined: Pairs of profiles within a cluster.

    Returns:
        `left`, `right` (nodes), `match_weight`, `evidence`.
    """
    is_payer = pl.col("is_paying") & ~pl.col("has_company")
    free = grouped.filter(~is_payer.any().over("cluster") & ~pl.col("has_company"))
    contacts = grouped.filter("has_company")
    both_ways = pl.concat([joined, joined.rename({"left": "right", "right": "left"}).select(joined.columns)])
    return (
        both_ways.join(free.select(left="profile", node="node", customer="group"), on="left")
        .join(contacts.select(right="profile", contact="node", company="group"), on="right")
        .filter(pl.col("company").n_unique().over("customer") == 1)
        .select(pl.col("node").alias("left"), pl.col("contact").alias("right"), "match_weight", "evidence")
        .sort("left", "right")
    )
