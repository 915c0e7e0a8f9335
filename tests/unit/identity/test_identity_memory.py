"""Who is who of new records against the known: the same as if all were compared again, learned at a stated rhythm."""

import datetime as dt

import polars as pl
import pytest
from party_rows import NO_PREVIOUS
from person_population import make_parties
from polars.testing import assert_frame_equal

from dagster_project.identity import matching
from dagster_project.identity.matching import Learned
from dagster_project.identity.memory import Memory, recalled, remembered
from dagster_project.identity.overrides import no_overrides
from dagster_project.identity.resolve import Resolution, resolve_identities

LEARNED_ON, NEXT_DAY = dt.date(2026, 9, 29), dt.date(2026, 9, 30)
CODE = "code"
NOTHING = Memory(*[pl.DataFrame()] * 3)


def kept_of(resolution: Resolution, used=None, before: Memory = NOTHING, day: dt.date = LEARNED_ON) -> Memory:
    return remembered(resolution.learned, used or {}, before, CODE, day)


@pytest.fixture(scope="module")
def yesterday():
    """Most records of some people who are hard to tell apart, and what a run has found and kept of them."""
    parties, _ = make_parties(600, seed=17)
    known = parties.with_row_index().filter(pl.col("index") % 400 != 0).drop("index")
    resolution = resolve_identities(known, no_overrides(), NO_PREVIOUS)
    return parties, known, resolution, kept_of(resolution)


def test_new_and_changed_records_are_matched_as_if_all_were_compared_again(yesterday):
    parties, _, before, memory = yesterday
    parties = parties.with_columns(  # some of the known have moved
        city=pl.when(pl.int_range(pl.len()) % 97 == 0).then(pl.lit("Elsewhere")).otherwise("city")
    )
    learned = recalled(memory, CODE, NEXT_DAY)
    again = resolve_identities(parties, no_overrides(), before.identities, None, learned)
    nothing_compared = {
        kind: known._replace(
            compared=matching.Compared(known.compared.rows.clear(), known.compared.pairs.clear())
        )
        for kind, known in learned.items()
    }
    anew = resolve_identities(parties, no_overrides(), before.identities, None, nothing_compared)
    for name in Resolution._fields[:-1]:
        assert_frame_equal(getattr(again, name), getattr(anew, name))
    order = ["left_key", "right_key"]
    pairs, pairs_anew = (found.learned["person"].compared.pairs.sort(order) for found in (again, anew))
    assert_frame_equal(pairs, pairs_anew, check_column_order=False)


def test_nothing_is_learned_and_few_are_compared(yesterday, monkeypatch):
    """Besides new records, those are compared whose name has become more or less frequent."""
    parties, _, before, memory = yesterday
    compared = []
    original = matching._pairs

    def noting(predicted, model):
        pairs = original(predicted, model)
        compared.append(pairs.height)
        return pairs

    monkeypatch.setattr(matching, "_pairs", noting)
    monkeypatch.setattr(matching, "_trained_comparisons", None)
    resolve_identities(parties, no_overrides(), before.identities, None, recalled(memory, CODE, NEXT_DAY))
    assert 0 < compared[0] < 0.5 * memory.pairs.height


@pytest.mark.parametrize(
    ("code", "day", "is_recalled"),
    [
        (CODE, LEARNED_ON, True),
        (CODE, NEXT_DAY, True),
        (CODE, dt.date(2026, 8, 1), True),  # an older day that is run again
        (CODE, dt.date(2026, 10, 1), False),
        ("other code", NEXT_DAY, False),
    ],
)
def test_weights_are_learned_anew_in_a_new_month_and_by_other_code(yesterday, code, day, is_recalled):
    *_, memory = yesterday
    assert bool(recalled(memory, code, day)) is is_recalled
    assert recalled(NOTHING, code, day) == {}


def test_half_as_many_more_records_are_learned_from_anew(yesterday):
    _, known, before, memory = yesterday
    learned = recalled(memory, CODE, NEXT_DAY)
    of_few: dict[str, Learned] = {
        kind: of_kind._replace(record_count=of_kind.record_count // 2) for kind, of_kind in learned.items()
    }
    again = resolve_identities(known, no_overrides(), before.identities, None, of_few)
    assert again.learned["person"].record_count == before.learned["person"].record_count


def test_the_day_of_learning_stays_as_long_as_the_weights_do(yesterday):
    parties, _, before, memory = yesterday
    learned = recalled(memory, CODE, NEXT_DAY)
    again = resolve_identities(parties, no_overrides(), before.identities, None, learned)
    kept = kept_of(again, learned, memory, NEXT_DAY)
    assert kept.models.select("kind", "learned_date", "comparisons").equals(
        memory.models.select("kind", "learned_date", "comparisons")
    )
    assert kept.records.height > memory.records.height
