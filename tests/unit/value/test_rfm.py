from collections import Counter
from collections.abc import Callable

import polars as pl
from contract_schemas import contract_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dagster_project.value.rfm import SEGMENT_GRID, _spending_level, score_rfm

MakeFeatures = Callable[..., pl.DataFrame]
FRAMES_PER_PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BUYERS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8), st.integers(-50, 200)), min_size=1, max_size=40
)


def features_of(make_features: MakeFeatures, buyers: list[tuple[int, int, int]]) -> pl.DataFrame:
    days, counts, amounts = (list(column) for column in zip(*buyers, strict=True))
    return make_features(
        len(buyers), days_since_last_purchase=days, purchase_count=counts, spend_amount=amounts
    )


def test_scores_have_equal_counts_without_ties(make_features: MakeFeatures) -> None:
    scored = score_rfm(features_of(make_features, [(i, i + 1, 10 * i) for i in range(25)]))
    for score in ("r_score", "f_score", "m_score"):
        assert Counter(scored[score].to_list()) == {1: 5, 2: 5, 3: 5, 4: 5, 5: 5}
    assert scored["r_score"].to_list() == sorted(scored["r_score"], reverse=True)
    assert scored["f_score"].to_list() == sorted(scored["f_score"])


def test_recency_score_is_five_for_the_most_recent_buyer(make_features: MakeFeatures) -> None:
    scored = score_rfm(
        features_of(make_features, [(100, 1, 1), (1, 1, 1), (50, 1, 1), (70, 1, 1), (10, 1, 1)])
    )
    assert scored["r_score"].to_list() == [1, 5, 3, 2, 4]


def test_a_tie_of_all_buyers_scores_the_middle(make_features: MakeFeatures) -> None:
    scored = score_rfm(features_of(make_features, [(3, 2, 100)] * 7))
    assert scored.select("r_score", "f_score", "m_score").unique().rows() == [(3, 3, 3)]


@FRAMES_PER_PROPERTY
@given(buyers=BUYERS)
def test_scores_are_monotone_and_ties_score_alike(
    make_features: MakeFeatures, buyers: list[tuple[int, int, int]]
) -> None:
    scored = score_rfm(features_of(make_features, buyers))
    columns = {
        "r_score": -pl.col("days_since_last_purchase"),
        "f_score": "purchase_count",
        "m_score": "spend_amount",
    }
    for score, value in columns.items():
        by_value = (
            scored.group_by(value=value).agg(low=pl.col(score).min(), high=pl.col(score).max()).sort("value")
        )
        assert (by_value["low"] == by_value["high"]).all()
        assert by_value["low"].is_sorted()
        assert by_value["low"].is_between(1, 5).all()
    assert scored["rfm_segment"].null_count() == 0


@FRAMES_PER_PROPERTY
@given(buyers=BUYERS, seed=st.integers(0, 1000))
def test_row_order_does_not_matter(
    make_features: MakeFeatures, buyers: list[tuple[int, int, int]], seed: int
) -> None:
    features = features_of(make_features, buyers)
    assert_frame_equal(score_rfm(features), score_rfm(features.sample(fraction=1, shuffle=True, seed=seed)))


def test_every_combination_of_scores_has_one_of_eleven_segments() -> None:
    assert set(SEGMENT_GRID) == {1, 2, 3, 4, 5}
    assert all(len(segments) == 5 for segments in SEGMENT_GRID.values())
    assert {segment for segments in SEGMENT_GRID.values() for segment in segments} == {
        "Champions",
        "Loyal Customers",
        "Potential Loyalists",
        "New Customers",
        "Promising",
        "Need Attention",
        "About to Sleep",
        "At Risk",
        "Cannot Lose Them",
        "Hibernating",
        "Lost",
    }


def test_all_eleven_segments_occur_in_a_mixed_population(make_features: MakeFeatures) -> None:
    population = [(10 * r, f + 1, 100 * f) for r in range(5) for f in range(5)]
    scored = score_rfm(features_of(make_features, population))
    assert scored["rfm_segment"].n_unique() == 11
    best = scored.filter(pl.col("r_score") == 5, pl.col("f_score") == 5, pl.col("m_score") == 5)
    assert best["rfm_segment"].to_list() == ["Champions"]


def test_segment_looks_at_the_mean_of_f_and_m(make_features: MakeFeatures) -> None:
    # Frequency and spend are opposed: f + m is 6 everywhere, so every level is 3.
    scored = score_rfm(features_of(make_features, [(i, i + 1, 100 - i) for i in range(10)]))
    expected = {r_score: segments[2] for r_score, segments in SEGMENT_GRID.items()}
    assert scored["rfm_segment"].to_list() == [expected[r_score] for r_score in scored["r_score"]]


def test_halves_of_the_mean_go_outwards() -> None:
    sums = pl.DataFrame({"score_sum": range(2, 11)})
    levels = sums.select(_spending_level(pl.col("score_sum"))).to_series()
    assert levels.to_list() == [1, 1, 2, 2, 3, 4, 4, 5, 5]


def test_recent_one_time_buyers_of_little_are_new_customers_where_most_bought_once(
    make_features: MakeFeatures,
) -> None:
    one_time = [(i, 1, 10 + i) for i in range(14)]
    scored = score_rfm(features_of(make_features, [*one_time, *[(30, 5, 500)] * 6]))
    assert scored["rfm_segment"][0] == "New Customers"


def test_customers_without_a_purchase_have_insufficient_data(make_features: MakeFeatures) -> None:
    features = make_features(
        3, days_since_last_purchase=[5, None, None], purchase_count=[2, 0, None], spend_amount=[9, 0, None]
    )
    scored = score_rfm(features)
    assert scored["status"].to_list() == ["scored", "insufficient_data", "insufficient_data"]
    assert scored["purchase_count"].to_list() == [2, 0, 0]
    assert scored["spend_amount"].null_count() == 0
    unscored = scored.filter(pl.col("status") == "insufficient_data")
    assert unscored.select("r_score", "f_score", "m_score", "rfm_segment").null_count().row(0) == (2, 2, 2, 2)


def test_customers_without_a_purchase_do_not_move_the_scores_of_others(make_features: MakeFeatures) -> None:
    alone = score_rfm(features_of(make_features, [(i, i + 1, i) for i in range(10)]))
    features = make_features(
        30,
        days_since_last_purchase=[*range(10), *[None] * 20],
        purchase_count=[*range(1, 11), *[0] * 20],
        spend_amount=[*range(10), *[0] * 20],
    )
    assert score_rfm(features).head(10)["r_score"].to_list() == alone["r_score"].to_list()


def test_rows_have_the_columns_of_the_contract_even_without_customers(make_features: MakeFeatures) -> None:
    expected = contract_schema("gold", "customer_rfm")
    some = features_of(make_features, [(1, 1, 1)])
    assert score_rfm(some).schema == expected
    assert score_rfm(some.clear()).schema == expected
    assert score_rfm(make_features(3)).schema == expected
