"""Which records are one party although no exact key says so: probabilistic matching.

Here: bringing records together, training the weights on the data and scoring pairs, with Splink on DuckDB. Not
here: what is compared (`person_model.py`, `organization_model.py`) and who is joined (`clusters.py`).

The steps:

1. **Blocks.** Records that share one of the model's blocking values are compared. A value that more than
   `MAX_BLOCK_RECORDS` records have brings nobody together: the other values do.
2. **Weights.** `u` from random pairs of records, `m` by expectation maximisation within blocks, from the
   shipped weights on, and a little of these blended in. With fewer than `MIN_TRAINING_RECORDS` records, or
   where training fails, the shipped ones stand. The random pairs are those of
   the same records in every run, so that a few more records change next to nothing for the others.
3. **Prior.** The share of random pairs that match is the one that the scores themselves add up to.
4. **Score.** Every pair of a block, then every pair within a connected group of likely pairs, so that no
   group is judged by the pairs that happened to share a block.
"""

import logging
import math
from typing import Any, NamedTuple

import duckdb
import numpy as np
import polars as pl

from dagster_project.databases import connect
from dagster_project.identity.comparisons import (
    MatchModel,
    comparison_settings,
    shipped_weights,
    trained_columns,
)
from dagster_project.identity.groups import connected_labels

MIN_TRAINING_RECORDS = 1_000
MIN_TRAINING_PAIRS = 500
MAX_BLOCK_RECORDS = 200
MAX_U_PAIRS = 1_000_001  # Splink warns at its own default of a million
MAX_TRAINING_PAIRS = 1e6
SEED = 20_240_601
# Pairs below this weight are neither joined nor reviewed whatever the prior turns out to be.
MIN_SCORED_WEIGHT = -12.0
EVEN_ODDS = 0.0
SHIPPED_SHARE_OF_M = 0.05
SHIPPED_SHARE_OF_U = 0.1
MAX_MATCHES_PER_RECORD = 10
PRIOR_ITERATIONS = 50
MAX_GROUP_RECORDS = 100
# Twins and namesakes, pairs of one household that differ in one of two fields, to those that differ in both; more are
# errors, when there are enough of them to say so.
MAX_TWIN_SHARE = 0.12
MIN_ERRORS = 50


class Compared(NamedTuple):
    """Pairs that have been scored, and of which records."""

    rows: pl.DataFrame  # record_key, row_hash of all that is compared and blocked by
    pairs: pl.DataFrame  # left_key, right_key, match_weight without the learned prior, gamma_<comparison>


class Learned(NamedTuple):
    """What the records have taught about how they are to be compared, and which were."""

    comparisons: list[dict[str, Any]]  # settings of Splink
    has_households: bool
    record_count: int  # from how many it was learned
    compared: Compared


class ScoredPairs(NamedTuple):
    """Pairs of records with their weights."""

    # left, right (Int64, left < right), match_weight, gamma_<comparison>, is_vetoed, is_apart (vetoed, also through
    # others), and is_doubtful: vetoed because the data has households, or for want of a birth date.
    pairs: pl.DataFrame
    weights: dict[str, list[float]]  # comparison -> log2(m / u) of its levels, last level first
    learned: Learned | None


def score_pairs(
    records: pl.DataFrame, model: MatchModel, match_weight: float, learned: Learned | None = None
) -> ScoredPairs:
    """Compare the records that may be one party.

    Args:
        records: `unique_id` (Int64), `record_key` (text that is the same in every run) and the columns that
            the model compares and blocks by.
        model: How records of this kind are compared.
        match_weight: From this weight on a pair is likely: all pairs of a connected group of likely ones
            are scored.
        learned: What the records have taught before: those of an earlier run, or the same before some of them were put
            together. The prior is learned anew, and only pairs with a record that is another since are compared anew.

    Returns:
        Pairs with `match_weight` (Float64, log2 of the odds that the two are one party).
    """
    # Imported here: it takes a second, and a run without anything to match does without.
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    if records.height < 2:
        return ScoredPairs(_no_pairs(model), {}, learned)
    records = _with_frequencies(_without_large_blocks(records.sort("unique_id"), model), model)
    rows = records.select("record_key", row_hash=records.drop("unique_id").hash_rows(seed=SEED))
    same = rows.join(learned.compared.rows, on=rows.columns, how="semi") if learned else rows.clear()
    records = records.with_columns(
        is_new=~pl.col("record_key").is_in(same.get_column("record_key").implode())
    )
    with connect() as connection:
        connection.execute("set enable_progress_bar = false")
        api = DuckDBAPI(connection)
        table = api.register(_table(connection, "records", records))
        is_trained = learned is not None or records.height >= MIN_TRAINING_RECORDS
        settings = _settings(model, is_trained)
        if learned:
            settings["comparisons"] = learned.comparisons
        elif is_trained:
            settings["comparisons"] = _trained_comparisons(table, settings, model, records)
        linker = Linker(table, settings, log_level=None, validate_settings=False)
        blocked = _pairs(linker.inference.predict(threshold_match_weight=MIN_SCORED_WEIGHT), model)
        if learned:
            blocked = pl.concat([_known_pairs(learned.compared, records).select(blocked.columns), blocked])
            has_households = learned.has_households
        else:
            has_households = not is_trained or _shows_households(blocked, model)
        if is_trained:
            learned = Learned(
                settings["comparisons"],
                has_households,
                learned.record_count if learned else records.height,
                Compared(rows, _with_keys(blocked, records)),
            )
        vetoes = {
            "is_vetoed": model.veto | (model.household_veto & has_households),
            "is_apart": model.household_contradiction & has_households,
            "is_doubtful": (model.household_veto & has_households & ~model.veto) | model.doubtful_veto,
        }
        blocked = blocked.with_columns(**vetoes)
        prior_weight = _learned_prior_weight(blocked, records.height, model) if is_trained else 0.0
        likely = blocked.filter(
            (pl.col("match_weight") + prior_weight >= match_weight) & ~pl.col("is_vetoed")
        )
        grouped = _with_groups(records, likely)
        settings["blocking_rules_to_generate_predictions"] = _rules(("block_group",))
        linker = Linker(
            api.register(_table(connection, "grouped_records", grouped)),
            settings,
            log_level=None,
            validate_settings=False,
        )
        within = _pairs(linker.inference.predict(), model).with_columns(**vetoes)
    pairs = (
        pl.concat([blocked, within])
        .unique(["left", "right"], keep="any")
        .with_columns((pl.col("match_weight") + prior_weight).round(4))
        # How rare matches are elsewhere does not make such a pair less worth a look.
        .with_columns(
            match_weight=pl.when(model.doubtful_veto)
            .then(pl.col("match_weight").clip(lower_bound=EVEN_ODDS))
            .otherwise("match_weight")
        )
        .sort("left", "right")
    )
    return ScoredPairs(pairs, _level_weights(settings), learned)


def match_probability(match_weight: pl.Expr) -> pl.Expr:
    """Probability of a log2 odds, rounded to four digits."""
    return (1 / (1 + pl.lit(2.0).pow(-match_weight))).round(4)


def _table(connection: duckdb.DuckDBPyConnection, name: str, records: pl.DataFrame) -> str:
    connection.register(f"{name}_frame", records.to_arrow())
    connection.execute(f"create table {name} as select * from {name}_frame")
    connection.unregister(f"{name}_frame")
    return name


def _rules(columns: tuple[str, ...], only: str = "") -> list[dict[str, str]]:
    return [{"blocking_rule": f"l.{column} = r.{column}{only}"} for column in columns]


def _settings(model: MatchModel, with_frequencies: bool) -> dict[str, Any]:
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "comparisons": comparison_settings(model, with_frequencies),
        "blocking_rules_to_generate_predictions": _rules(
            model.blocking_columns, " and (l.is_new or r.is_new)"
        ),
        "probability_two_random_records_match": shipped_weights()[model.kind]["prior"],
        "retain_matching_columns": True,
        "retain_intermediate_calculation_columns": False,
        "additional_columns_to_retain": [],
        "max_iterations": 15,
        "linker_uid": model.kind,
    }


def _without_large_blocks(records: pl.DataFrame, model: MatchModel) -> pl.DataFrame:
    return records.with_columns(
        pl.when(pl.len().over(column) <= MAX_BLOCK_RECORDS).then(pl.col(column)).alias(column)
        for column in model.blocking_columns
    )


def _with_frequencies(records: pl.DataFrame, model: MatchModel) -> pl.DataFrame:
    """Add `tf_<column>`, the share of the records with a value that have this one."""
    columns = {
        level.frequency_column
        for comparison in model.comparisons
        for level in comparison.levels
        if level.frequency_column
    }
    return records.with_columns(
        pl.when(pl.col(column).is_not_null())
        .then((pl.len().over(column) / pl.col(column).count()).round_sig_figs(2))
        .alias(f"tf_{column}")
        for column in sorted(columns)
    )


def _trained_comparisons(
    table: Any, settings: dict[str, Any], model: MatchModel, records: pl.DataFrame
) -> list[dict[str, Any]]:
    """Comparisons with weights estimated from the data; what cannot be estimated keeps the shipped value."""
    from splink import Linker
    from splink.internals.exceptions import SplinkException

    trained = trained_columns(model)
    own = [
        comparison for comparison in settings["comparisons"] if comparison["output_column_name"] in trained
    ]
    linker = Linker(
        table,
        settings | {"comparisons": own, "unique_id_column_name": "record_key"},
        log_level=None,
        validate_settings=False,
    )
    linker.training.estimate_u_using_random_sampling(
        max_pairs=MAX_U_PAIRS, seed=SEED, min_count_per_level=None, num_chunks=1
    )
    for columns in model.training_columns:
        sizes = records.drop_nulls(columns).group_by(columns).len().get_column("len")
        if (sizes * (sizes - 1) // 2).sum() < MIN_TRAINING_PAIRS:
            continue
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                " and ".join(f"l.{column} = r.{column}" for column in columns),
                estimate_without_term_frequencies=True,
                max_pairs=MAX_TRAINING_PAIRS,
            )
        except SplinkException:
            # Nothing varies within these blocks: there is nothing to learn from them.
            continue
    learned = {
        comparison["output_column_name"]: comparison
        for comparison in linker.misc.save_model_to_json()["comparisons"]
    }
    return [
        _blended(learned[comparison["output_column_name"]], comparison)
        if comparison["output_column_name"] in learned
        else comparison
        for comparison in settings["comparisons"]
    ]


def _blended(learned: dict[str, Any], shipped: dict[str, Any]) -> dict[str, Any]:
    """The comparison with its learned weights, rounded so that the order of a sum does not matter.

    A little of the shipped weights is in them: a level that never occurred in training would be taken for
    impossible.
    """
    levels = []
    for level, shipped_level in zip(learned["comparison_levels"], shipped["comparison_levels"], strict=True):
        blended = dict(shipped_level)
        m, u = level.get("m_probability"), level.get("u_probability")
        if isinstance(m, float):
            m = (m + SHIPPED_SHARE_OF_M * shipped_level["m_probability"]) / (1 + SHIPPED_SHARE_OF_M)
            blended["m_probability"] = float(f"{m:.2e}")
        if isinstance(u, float):
            u = (u + SHIPPED_SHARE_OF_U * shipped_level["u_probability"]) / (1 + SHIPPED_SHARE_OF_U)
            blended["u_probability"] = float(f"{u:.2e}")
        levels.append(blended)
    return shipped | {"comparison_levels": levels}


def _pairs(predicted: Any, model: MatchModel) -> pl.DataFrame:
    """Scored pairs of Splink as a frame, the smaller number left; no value of the records comes along."""
    columns = [
        'least(unique_id_l, unique_id_r) as "left"',
        'greatest(unique_id_l, unique_id_r) as "right"',
        "cast(match_weight as double) as match_weight",
        *(f"cast({comparison.gamma} as integer) as {comparison.gamma}" for comparison in model.comparisons),
    ]
    pairs = predicted.as_duckdbpyrelation().select(", ".join(columns)).to_arrow_table()
    return pl.DataFrame(pl.from_arrow(pairs))


def _with_keys(pairs: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """The pairs by `left_key` and `right_key`, which are the same in every run, instead of numbers."""
    keys = records.select("unique_id", "record_key")
    for side in ("left", "right"):
        of_side = keys.rename({"unique_id": side, "record_key": f"{side}_key"})
        pairs = pairs.join(of_side, on=side, validate="m:1").drop(side)
    return pairs


def _known_pairs(compared: Compared, records: pl.DataFrame) -> pl.DataFrame:
    """The pairs of which both records are as they were, by the numbers that these have now."""
    numbers = records.filter(~pl.col("is_new")).select("unique_id", "record_key")
    pairs = compared.pairs
    for side in ("left", "right"):
        of_side = numbers.rename({"unique_id": side, "record_key": f"{side}_key"})
        pairs = pairs.join(of_side, on=f"{side}_key", validate="m:1")
    return pairs.with_columns(
        left=pl.min_horizontal("left", "right"), right=pl.max_horizontal("left", "right")
    )


def _shows_households(pairs: pl.DataFrame, model: MatchModel) -> bool:
    """Whether pairs that differ in one person field alone are few beside those that differ in both."""
    counts = pairs.select(both=model.both_differ.sum(), one=model.one_differs.sum()).row(0)
    return bool(counts[1] < MIN_ERRORS or counts[1] <= MAX_TWIN_SHARE * counts[0])


def _no_pairs(model: MatchModel) -> pl.DataFrame:
    gammas = {comparison.gamma: pl.Int32 for comparison in model.comparisons}
    return pl.DataFrame(
        schema={
            "left": pl.Int64,
            "right": pl.Int64,
            "match_weight": pl.Float64,
            **gammas,
            "is_vetoed": pl.Boolean,
            "is_apart": pl.Boolean,
            "is_doubtful": pl.Boolean,
        }
    )


def _learned_prior_weight(pairs: pl.DataFrame, record_count: int, model: MatchModel) -> float:
    """What to add to the weights so that the prior is the share of matches that the scores add up to.

    The likelihood has one maximum in the prior; expectation maximisation climbs to it.
    """
    shipped_prior = shipped_weights()[model.kind]["prior"]
    weights = pairs.filter(~pl.col("is_vetoed")).sort("match_weight").get_column("match_weight").to_numpy()
    pair_count = record_count * (record_count - 1) / 2
    prior_weight = 0.0
    for _ in range(PRIOR_ITERATIONS):
        expected_matches = float((1 / (1 + np.exp2(-(weights + prior_weight)))).sum())
        prior = min(
            max(expected_matches / pair_count, shipped_prior / 1000), MAX_MATCHES_PER_RECORD / record_count
        )
        prior_weight = math.log2(prior / (1 - prior)) - math.log2(shipped_prior / (1 - shipped_prior))
    return round(prior_weight, 2)


def _with_groups(records: pl.DataFrame, likely: pl.DataFrame) -> pl.DataFrame:
    """The records of connected groups of likely pairs, with `block_group`; large groups only pair by blocks."""
    members = pl.concat([likely.get_column("left"), likely.get_column("right")]).unique().sort()
    numbers = pl.DataFrame({"unique_id": members}).with_row_index("number")
    ends = [
        likely.join(numbers, left_on=side, right_on="unique_id", validate="m:1", maintain_order="left")
        .get_column("number")
        .cast(pl.Int64)
        for side in ("left", "right")
    ]
    labels = connected_labels(ends[0], ends[1], len(members))
    grouped = numbers.select("unique_id", block_group=labels).filter(
        pl.len().over("block_group").is_between(3, MAX_GROUP_RECORDS)
    )
    return records.join(grouped, on="unique_id", validate="1:1", maintain_order="left")


def _level_weights(settings: dict[str, Any]) -> dict[str, list[float]]:
    """log2(m / u) of the levels of each comparison, everything else first."""
    return {
        comparison["output_column_name"]: [
            math.log2(level["m_probability"] / level["u_probability"])
            for level in reversed(comparison["comparison_levels"])
            if not level.get("is_null_level")
        ]
        for comparison in settings["comparisons"]
    }
