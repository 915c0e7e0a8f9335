"""What a run has learned of how records are compared, and which pairs it has compared, as tables for the next run.

Weights are learned anew at a stated rhythm (`is_due`), and what was compared stays true until one of the two records
changes. Not here: learning and comparing (`matching.py`), and where the tables are kept (`defs/identity.py`).
"""

import datetime as dt
import json
from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from dagster_project.identity.comparisons import MatchModel
from dagster_project.identity.matching import Compared, Learned
from dagster_project.identity.organization_model import ORGANIZATION_MODEL
from dagster_project.identity.person_model import PERSON_MODEL

Schema = dict[str, pl.DataType | type[pl.DataType]]
MODELS = (PERSON_MODEL, ORGANIZATION_MODEL)
MOST_GROWTH = 1.5  # weights learned of fewer than two thirds of the records are learned anew

MODEL_SCHEMA: Schema = {
    "kind": pl.String, "learned_date": pl.Date, "code": pl.String, "record_count": pl.Int64,
    "has_households": pl.Boolean, "comparisons": pl.String,
}  # fmt: skip
RECORD_SCHEMA: Schema = {"kind": pl.String, "record_key": pl.String, "row_hash": pl.UInt64}
PAIR_SCHEMA: Schema = {
    "kind": pl.String, "left_key": pl.String, "right_key": pl.String, "match_weight": pl.Float64,
    "levels": pl.List(pl.Int32),
}  # fmt: skip


class Memory(NamedTuple):
    """What is kept between two runs; `levels` are those of the comparisons, in the order of the model."""

    models: pl.DataFrame
    records: pl.DataFrame
    pairs: pl.DataFrame


def is_due(learned_date: dt.date, day: dt.date) -> bool:
    """Whether a run for a day learns anew: the first that is for a later calendar month than the one before."""
    return learned_date < day.replace(day=1)


def recalled(memory: Memory, code: str, day: dt.date) -> dict[str, Learned]:
    """What may be used again, by kind of record.

    Args:
        memory: As `remembered` gave it; frames without columns where nothing is kept.
        code: Stands for the code that compares, and the libraries that it asks.
        day: That the run is for.

    Returns:
        Nothing where weights are due to be learned anew, or other code has learned them.
    """
    if not memory.models.columns:
        return {}
    found = {}
    for model in MODELS:
        of_kind = pl.col("kind") == model.kind
        known = memory.models.filter(of_kind & (pl.col("code") == code)).to_dicts()
        if not known or is_due(known[0]["learned_date"], day):
            continue
        pairs = memory.pairs.filter(of_kind).select(
            "left_key",
            "right_key",
            "match_weight",
            *(pl.col("levels").list.get(place).alias(gamma) for place, gamma in enumerate(_gammas(model))),
        )
        found[model.kind] = Learned(
            json.loads(known[0]["comparisons"]),
            known[0]["has_households"],
            known[0]["record_count"],
            Compared(memory.records.filter(of_kind).select("record_key", "row_hash"), pairs),
        )
    return found


def remembered(
    learned: Mapping[str, Learned], used: Mapping[str, Learned], memory: Memory, code: str, day: dt.date
) -> Memory:
    """What the next run may use.

    Args:
        learned: By kind, what this run has used or learned.
        used: What `recalled` gave it.
        memory: What it was recalled from.
        code: As in `recalled`.
        day: That the run is for.
    """
    dates = dict(memory.models.select("kind", "learned_date").iter_rows()) if used else {}
    models: list[dict[str, object]] = []
    records, pairs = [pl.DataFrame(schema=RECORD_SCHEMA)], [pl.DataFrame(schema=PAIR_SCHEMA)]
    for model in MODELS:
        if model.kind not in learned:
            continue
        now = learned[model.kind]
        is_as_before = model.kind in used and now.comparisons == used[model.kind].comparisons
        models.append(
            {
                "kind": model.kind,
                "learned_date": dates[model.kind] if is_as_before else day,
                "code": code,
                "record_count": now.record_count,
                "has_households": now.has_households,
                "comparisons": json.dumps(now.comparisons),
            }
        )
        kind = pl.lit(model.kind).alias("kind")
        records.append(now.compared.rows.select(kind, "record_key", "row_hash"))
        levels = pl.concat_list(pl.col(gamma).cast(pl.Int32) for gamma in _gammas(model)).alias("levels")
        pairs.append(now.compared.pairs.select(kind, "left_key", "right_key", "match_weight", levels))
    return Memory(
        pl.DataFrame(models, schema=MODEL_SCHEMA),
        pl.concat(records),
        pl.concat(pairs),
    )


def still_fits(learned: Learned | None, record_count: int) -> Learned | None:
    """What was learned, unless there are so many more records by now that they say more."""
    return learned if learned and record_count < MOST_GROWTH * learned.record_count else None


def _gammas(model: MatchModel) -> list[str]:
    return [comparison.gamma for comparison in model.comparisons]
