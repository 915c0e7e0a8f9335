"""Matching of profiles: what exact keys made one party, compared with the rest.

Here: the profile of a party, what keeps two profiles apart whatever their likeness, and why two are alike, in words.
Not here: which records make a profile and what a match joins (`likeness.py`), the comparison (`matching.py`) and
the clustering (`clusters.py`).

What the last run decided weighs `STICKINESS`: profiles that were one party then stay one unless they are clearly
below the threshold now, those that were two stay two unless clearly above. New records shift the weights of all pairs
a little; this keeps such shifts from renaming customers that have nothing to do with them.
"""

from typing import Literal, NamedTuple

import polars as pl

from dagster_project.identity.clusters import cluster_pairs, learned_line
from dagster_project.identity.comparisons import MatchModel
from dagster_project.identity.matching import Learned, match_probability, score_pairs

STRONGEST_COMPARISONS = 3
STICKINESS = 1.5  # bits
BITS_PER_DOUBLING = 3.0
CLEARLY_CLOSER = 5.0  # bits
Remembered = Literal["all", "one", "two"]
MIN_OPEN_WEIGHT = -4.0  # whatever the threshold for review is, it is above this


class Matches(NamedTuple):
    """Clusters of profiles of one kind."""

    members: pl.DataFrame  # nodes with their profile
    clusters: pl.DataFrame  # unique_id, cluster
    joined: pl.DataFrame  # left, right, match_weight, evidence: pairs within a cluster
    others: pl.DataFrame  # the same for pairs across clusters that a person may decide
    learned: Learned | None  # how the profiles were compared

    def review(self, review_weight: float) -> pl.DataFrame:
        """Pairs for a person: `left_node`, `right_node`, `match_probability`, `evidence`."""
        return self.others.filter(pl.col("match_weight") >= review_weight).select(
            pl.col("left").alias("left_node"),
            pl.col("right").alias("right_node"),
            match_probability(pl.col("match_weight")).alias("match_probability"),
            "evidence",
        )


def profiles(evidence: pl.DataFrame, members: pl.DataFrame, fields: tuple[str, ...]) -> pl.DataFrame:
    """The field values of each profile: what most of its records say, of equals the longest, then the first.

    Args:
        evidence: Keyed evidence with `company_domain`.
        members: Nodes with `profile` (Int64).
        fields: Columns of the evidence.

    Returns:
        One row per profile, sorted: `unique_id` (the profile), `record_key` (text that is the same in every
        run) and the fields.
    """
    result = members.group_by(unique_id="profile").agg(pl.col("own_key").min().alias("record_key"))
    rows = evidence.join(members.select("node", "profile"), on="node", validate="m:1")
    for field in fields:
        values = (
            rows.drop_nulls(field)
            .group_by(unique_id="profile", value=field)
            .agg(pl.col("node").n_unique().alias("count"))
            .with_columns(length=pl.col("value").cast(pl.String).str.len_chars())
            .sort("unique_id", "count", "length", "value", descending=[False, True, True, False])
            .unique("unique_id", keep="first", maintain_order=True)
            .select("unique_id", pl.col("value").alias(field))
        )
        result = result.join(values, on="unique_id", how="left", validate="1:1")
    return result.sort("unique_id")


def match_profiles(
    records: pl.DataFrame,
    members: pl.DataFrame,
    model: MatchModel,
    forbidden: pl.DataFrame,
    match_weight: float,
    review_weight: float,
    learned: Learned | None = None,
    remembered: Remembered = "all",
    is_further_round: bool = False,
) -> Matches:
    """Compare profiles and cluster them.

    Args:
        records: Profiles with the columns of the model.
        members: Nodes with `profile`, `declared_group`, `previous_id` (the party of the last run) and, for
            companies, `owner` (of their domain); the last three may be null. Profiles of one declared group, and
            those of different domain owners, are kept apart.
        model: How they are compared.
        forbidden: `left_node`, `right_node`: pairs that a person has declared to be two parties.
        match_weight: log2 odds from which two profiles are one party.
        review_weight: log2 odds from which a person should look: in a further round the line may run there.
        learned: How they are compared, from an earlier round or run; without it that is learned from them.
        remembered: What counts of the last run: who was two, or who was one; with the latter nobody else is joined.
        is_further_round: The records are clusters of an earlier round.

    Returns:
        The matches.
    """
    lowest_weight = review_weight if is_further_round else match_weight
    scored = score_pairs(records, model, lowest_weight - STICKINESS, learned)
    if is_further_round:
        match_weight = learned_line(scored.pairs, match_weight, review_weight)
    forbidden_profiles = pl.concat(
        [
            _same(members, "declared_group", scored.pairs),
            _different(members, "owner", scored.pairs),
            _declared_pairs(members, forbidden),
        ]
    ).unique()
    pairs = _flagged(scored.pairs, forbidden_profiles, "is_forbidden").with_columns(
        is_vetoed=pl.col("is_vetoed") | pl.col("is_forbidden"),
        is_doubtful=pl.col("is_doubtful") & ~pl.col("is_forbidden"),
    )
    pairs = _flagged(pairs, _between_two(pairs, match_weight), "is_between_two").with_columns(
        is_vetoed=pl.col("is_vetoed") | pl.col("is_between_two"),
        is_doubtful=pl.col("is_doubtful") | pl.col("is_between_two"),
    )
    pairs = _flagged(pairs, _same(members, "previous_id", pairs), "was_one")
    pairs = _flagged(pairs, _different(members, "previous_id", pairs), "was_two")
    was_one, was_two = (STICKINESS * pl.col(name).cast(pl.Float64) for name in ("was_one", "was_two"))
    memory = {"all": was_one - was_two, "two": -was_two, "one": was_one}[remembered]
    if is_further_round:
        memory = memory - _lacking_agreement(pairs, members)
    may_join = pl.col("was_one") if remembered == "one" else pl.lit(value=True)
    clusters = cluster_pairs(pairs.with_columns(memory=memory).filter(may_join), match_weight)
    cluster_of = dict(clusters.iter_rows())
    cluster = [
        pl.col(side).replace_strict(cluster_of, default=None, return_dtype=pl.Int64)
        for side in ("left", "right")
    ]
    pairs = pairs.with_columns(is_joined=(cluster[0] == cluster[1]).fill_null(value=False))
    is_open = (~pl.col("is_vetoed") | pl.col("is_doubtful")) & (pl.col("match_weight") > MIN_OPEN_WEIGHT)
    explained = pairs.filter(pl.col("is_joined") | is_open)
    explained = explained.with_columns(evidence=_evidence(explained, model, scored.weights))
    columns = ["left", "right", "match_weight", "evidence"]
    return Matches(
        members=members,
        clusters=clusters,
        joined=explained.filter("is_joined").select(columns),
        others=explained.filter(~pl.col("is_joined")).select(columns),
        learned=scored.learned,
    )


def _flagged(pairs: pl.DataFrame, some: pl.DataFrame, flag: str) -> pl.DataFrame:
    """Pairs with a column that says which of them are among `some`."""
    marked = some.with_columns(pl.lit(value=True).alias(flag))
    return pairs.join(
        marked, on=["left", "right"], how="left", validate="1:1", maintain_order="left"
    ).with_columns(pl.col(flag).fill_null(value=False))


def _values(members: pl.DataFrame, column: str) -> pl.DataFrame:
    return members.drop_nulls(column).select("profile", value=column).unique()


def _same(members: pl.DataFrame, column: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of profiles that have a value of the column in common."""
    values = _values(members, column)
    return (
        pairs.select("left", "right")
        .join(values.rename({"profile": "left"}), on="left")
        .join(values.rename({"profile": "right"}), on=["right", "value"])
        .select("left", "right")
        .unique()
    )


def _different(members: pl.DataFrame, column: str, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of profiles that both have values of the column, and none in common."""
    profiles_with_value = _values(members, column).select("profile").unique()
    both = (
        pairs.select("left", "right")
        .join(profiles_with_value, left_on="left", right_on="profile", how="semi")
        .join(profiles_with_value, left_on="right", right_on="profile", how="semi")
    )
    return both.join(_same(members, column, both), on=["left", "right"], how="anti")


def _between_two(pairs: pl.DataFrame, match_weight: float) -> pl.DataFrame:
    """Likely pairs of a profile that fits two parties who are apart, and neither clearly better.

    Father and son of one name, and a record without a birth date: it is either's, and only a person can say whose. Two
    such records need not be one person's either.
    """
    likely = pairs.filter(~pl.col("is_vetoed") & (pl.col("match_weight") >= match_weight))
    fits = _both_ways(likely).select(profile="left", other="right", weight="match_weight")
    apart = _both_ways(pairs.filter("is_apart")).select(other="left", rival="right")
    rivals = (
        fits.join(apart.join(fits.select("other").unique(), on="other", how="semi"), on="other")
        .join(
            fits.rename({"other": "rival", "weight": "rival_weight"}), on=["profile", "rival"], validate="m:1"
        )
        .filter(pl.col("weight") < pl.col("rival_weight") + CLEARLY_CLOSER)
    )
    undecided = rivals.group_by("profile").agg(pl.col("weight").max().alias("most"))
    doubted = rivals.select(left="profile", right="other")
    both_undecided = (
        likely.join(undecided.rename({"profile": "left"}), on="left", validate="m:1")
        .join(undecided.rename({"profile": "right", "most": "most_right"}), on="right", validate="m:1")
        .filter(pl.col("match_weight") < pl.max_horizontal("most", "most_right") + CLEARLY_CLOSER)
        .select("left", "right")
    )
    return (
        pl.concat([doubted, both_undecided])
        .select(left=pl.min_horizontal("left", "right"), right=pl.max_horizontal("left", "right"))
        .unique()
    )


def _both_ways(pairs: pl.DataFrame) -> pl.DataFrame:
    pairs = pairs.select("left", "right", "match_weight")
    return pl.concat([pairs, pairs.select(left="right", right="left", match_weight="match_weight")])


def _lacking_agreement(pairs: pl.DataFrame, members: pl.DataFrame) -> pl.Series:
    """Bits that a pair must be the more alike, the more records the smaller of its two profiles is made of.

    What most of many records say is hardly wrong: two such profiles of one party are nearly equal.
    """
    sizes = dict(members.group_by("profile").len().iter_rows())
    smaller = pl.min_horizontal(pl.col("left").replace_strict(sizes), pl.col("right").replace_strict(sizes))
    return pairs.select(smaller.cast(pl.Float64).log(2) * BITS_PER_DOUBLING).to_series()


def _declared_pairs(members: pl.DataFrame, forbidden: pl.DataFrame) -> pl.DataFrame:
    numbers = members.select("node", "profile")
    return (
        forbidden.join(numbers.rename({"node": "left_node", "profile": "a"}), on="left_node", validate="m:1")
        .join(numbers.rename({"node": "right_node", "profile": "b"}), on="right_node", validate="m:1")
        .select(left=pl.min_horizontal("a", "b"), right=pl.max_horizontal("a", "b"))
    )


def _evidence(pairs: pl.DataFrame, model: MatchModel, weights: dict[str, list[float]]) -> pl.Series:
    """The comparisons that speak most for each pair, in words: no values of the records."""
    long = pl.concat(
        [
            pairs.select(
                pl.int_range(pl.len()).alias("pair"),
                pl.lit(order).alias("order"),
                pl.col(comparison.gamma).replace_strict(
                    dict(enumerate(comparison.phrases)), default=None, return_dtype=pl.String
                ).alias("phrase"),
                pl.col(comparison.gamma).replace_strict(
                    dict(enumerate(weights.get(comparison.column, []))), default=None, return_dtype=pl.Float64
                ).alias("weight"),
            )
            for order, comparison in enumerate(model.comparisons)
        ]
    )  # fmt: skip
    strongest = (
        long.filter(pl.col("weight") > 0)
        .sort("pair", "weight", "order", descending=[False, True, False])
        .group_by("pair", maintain_order=True)
        .agg(pl.col("phrase").head(STRONGEST_COMPARISONS).str.join("; "))
    )
    return (
        pairs.select(pl.int_range(pl.len()).alias("pair"))
        .join(strongest, on="pair", how="left", validate="1:1", maintain_order="left")
        .get_column("phrase")
        .fill_null("")
        .alias("evidence")
    )
