"""The simulated shop: its exports are what a shop's are, and its planted truth can be found in them."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import xlogy

from dagster_project.ingest.files.layout import load_layout
from dagster_project.sample_company import SampleCompanyMismatch, land_sample_company
from dagster_project.sample_company.shop import export_shop, offers, truth
from dagster_project.sample_company.shop.assortment import (
    CATEGORIES,
    CATEGORY_OF,
    ELASTICITIES,
    PRICE_DAYS,
    price_cents,
)
from dagster_project.sample_company.shop.delivery import BREAKAGES, exported_rows, open_shop
from dagster_project.sample_company.shop.exports import OBJECTS, Shop
from dagster_project.sample_company.shop.life import transitions
from dagster_project.sample_company.timeline import day_of

LAST_DATE = dt.date(2026, 9, 30)
SEED = 20240930


@pytest.fixture(scope="module")
def shop() -> Shop:
    return open_shop(3000, LAST_DATE)


@pytest.fixture(scope="module")
def exported(shop: Shop) -> dict[str, pl.DataFrame]:
    return {name: exported_rows(shop, name) for name in OBJECTS}


def sound(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the broken and the repeated ones."""
    return rows.filter(~pl.col(rows.columns[0]).str.ends_with("_broken")).unique(maintain_order=True)


def amount(column: str = "amount") -> pl.Expr:
    return pl.col(column).cast(pl.Decimal(18, 2))


def net_spend(exported: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Money by order: what was paid less what came back, at the day of the order, as exported."""
    rows = sound(exported["transactions"]).filter(pl.col("status") == "paid")
    return rows.with_columns(
        order=pl.col("transaction_ref").str.strip_suffix("-R"), amount=amount().cast(pl.Float64)
    ).group_by("order").agg(
        pl.col("_customer").first(), pl.col("amount").sum(),
        date=pl.col("order").first().str.slice(0, 8).str.to_date("%Y%m%d"),
    )  # fmt: skip


def test_every_object_has_columns_of_the_layout_alone_and_all_that_are_required(exported):
    layout = load_layout()
    for name, rows in exported.items():
        columns = set(rows.columns) - {"_customer"}
        assert set(layout[name].required) <= columns <= set(layout[name].columns)
        assert all(kind == pl.String for column, kind in rows.schema.items() if column != "_customer")


def test_two_shops_of_one_seed_are_equal_and_those_of_another_are_not():
    first, again, other = (open_shop(120, LAST_DATE, seed) for seed in (1, 1, 2))
    for name in OBJECTS:
        assert exported_rows(first, name).equals(exported_rows(again, name))
    assert not exported_rows(first, "transactions").equals(exported_rows(other, "transactions"))


def test_history_does_not_change_when_more_of_it_is_exported():
    early, late = open_shop(120, dt.date(2026, 3, 15)), open_shop(120, LAST_DATE)
    for name, time in (
        ("transactions", "occurred_at"),
        ("visits", "occurred_at"),
        ("loyalty_events", "occurred_at"),
        ("touchpoints", "occurred_at"),
        ("survey_responses", "responded_at"),
        ("incentive_outcomes", "offered_at"),
    ):
        before, after = sound(exported_rows(early, name)), sound(exported_rows(late, name))
        after = after.filter(pl.col(after.columns[0]).is_in(before[before.columns[0]].to_list()))
        assert before.height > 0
        assert before.sort(pl.all()).equals(after.sort(pl.all())), name
        if name != "incentive_outcomes":
            assert before[time].max() < "2026-03-16"


def test_only_so_many_persons_join_as_were_asked_for(shop):
    for count in (50, 137, 2000):
        assert (
            open_shop(count, dt.date(2024, 10, 1)).life.people.size
            == round(0.45 * count) + (open_shop(count, dt.date(2024, 10, 1)).life.people.join_day >= 0).sum()
        )
    assert shop.life.people.size == 3000


def test_lines_add_up_to_their_transactions_to_the_cent(exported):
    lines = sound(exported["transaction_lines"]).group_by("transaction_ref").agg(
        lines=(pl.col("quantity").cast(pl.Int64) * (amount("unit_price_amount") * 100).cast(pl.Int64)).sum()
    )  # fmt: skip
    paid = sound(exported["transactions"]).filter(pl.col("status") == "paid")
    both = paid.join(lines, on="transaction_ref", how="full", validate="1:1")
    assert both.filter((amount() * 100).cast(pl.Int64).ne_missing(pl.col("lines"))).is_empty()
    assert paid.filter(pl.col("kind") == "refund").select((amount() < 0).all()).item()


def test_bad_rows_of_every_kind_are_in_it_and_no_sound_row_is_lost(shop, exported):
    for name, rows in exported.items():
        id_column = rows.columns[0]
        broken = rows.filter(pl.col(id_column).str.ends_with("_broken"))
        assert (broken.height > 0) == (name in BREAKAGES) or rows.height < 5_000, name
        assert broken.height < 0.01 * rows.height + 5
        assert sound(rows).select(pl.struct(rows.columns[:2]).is_unique().all()).item(), name
    assert sound(exported["transactions"]).filter(kind="order", status="paid").height == shop.orders.height


def test_stores_are_busy_on_saturdays_and_the_web_on_other_days(shop):
    days = shop.orders.with_columns(weekday=pl.col("day").add(dt.date(2024, 10, 1).weekday()) % 7)
    count = days.group_by("is_web", "weekday").len().sort("is_web", "weekday")["len"].to_numpy().reshape(2, 7)
    store, web = count / count.mean(axis=1, keepdims=True)
    assert store.argmax() == 5
    assert store[5] > 1.3
    assert web[5] < 0.95


def test_december_is_busy_and_stores_are_closed_on_holidays(shop):
    by_day = np.bincount(shop.orders["day"].to_numpy(), minlength=730)
    december = by_day[day_of(dt.date(2025, 12, 1)) : day_of(dt.date(2025, 12, 25))].mean()
    october = by_day[day_of(dt.date(2025, 10, 1)) : day_of(dt.date(2025, 10, 29))].mean()
    assert december > 1.35 * october
    closed = [day_of(dt.date(2024, 12, 25)), day_of(dt.date(2026, 1, 1))]
    assert shop.orders.filter(pl.col("day").is_in(closed), ~pl.col("is_web")).is_empty()


def conditional_poisson_slope(pieces: np.ndarray, log_price: np.ndarray) -> tuple[float, float]:
    """Elasticity and its standard error in log E = product + period + slope x log price, by alternating scaling."""
    slope, row, column = 0.0, np.ones(len(pieces)), np.ones(pieces.shape[1])
    for _ in range(500):
        effect = np.exp(slope * log_price)
        row = pieces.sum(axis=1) / (column * effect).sum(axis=1)
        column = pieces.sum(axis=0) / (row[:, None] * effect).sum(axis=0)
        mean = row[:, None] * column * effect
        # The part of the log price that neither product nor period explains, by weighted two-way centring.
        centred = log_price.copy()
        for _ in range(30):
            centred -= (mean * centred).sum(axis=1, keepdims=True) / mean.sum(axis=1, keepdims=True)
            centred -= (mean * centred).sum(axis=0) / mean.sum(axis=0)
        information = (mean * centred**2).sum()
        step = (centred * (pieces - mean)).sum() / information
        slope += step
        if abs(step) < 1e-9:
            break
    assert np.isfinite(xlogy(pieces, mean)).all()
    return slope, float(1 / np.sqrt(information))


def test_price_elasticities_can_be_recovered_from_orders(shop):
    """Within two standard errors each, but for one of six: chance alone takes one beyond in a quarter of the seeds."""
    lines = shop.life.log.frame("line", ())
    periods = (day_of(LAST_DATE) + 1) // PRICE_DAYS
    cents = price_cents(SEED, np.arange(periods) * PRICE_DAYS).T
    pieces = np.zeros(cents.shape)
    kept = lines.filter(pl.col("day") < periods * PRICE_DAYS)
    np.add.at(
        pieces, (kept["product"].to_numpy(), kept["day"].to_numpy() // PRICE_DAYS), kept["pieces"].to_numpy()
    )
    distances = []
    for number, planted in enumerate(ELASTICITIES):
        own = number == CATEGORY_OF
        slope, error = conditional_poisson_slope(pieces[own], np.log(cents[own]))
        assert error < 0.5
        distances.append(abs(slope - planted) / error)
    assert sum(distance > 2 for distance in distances) <= 1, dict(zip(CATEGORIES, distances, strict=True))
    assert max(distances) < 3


@pytest.mark.parametrize("days", [90, 365])
def test_expected_spend_is_what_people_then_spend_within_sampling_error(shop, exported, days):
    months = truth.customer_months(shop).filter(~pl.col("is_in_panel"))
    refs = shop.known.select("customer", true_customer_ref="true_ref")
    spend = net_spend(exported).join(refs, left_on="_customer", right_on="customer", validate="m:1")
    for as_of_date in (dt.date(2024, 11, 30), dt.date(2025, 4, 30), dt.date(2025, 8, 31)):
        later = spend.filter(
            pl.col("date") > as_of_date, pl.col("date") <= as_of_date + dt.timedelta(days=days)
        ).group_by("true_customer_ref").agg(pl.col("amount").sum())  # fmt: skip
        rows = months.filter(as_of_date=as_of_date).join(
            later, on="true_customer_ref", how="left", validate="1:1"
        )
        expected = rows[f"expected_spend_{days}_days_amount"].to_numpy()
        miss = rows["amount"].fill_null(0).to_numpy() - expected
        assert abs(miss.sum()) < 3 * np.sqrt((miss**2).sum()), as_of_date
        # It also tells people apart: those expected to spend most do.
        best = expected >= np.quantile(expected, 0.8)
        assert abs(miss[best].sum()) < 3 * np.sqrt((miss[best] ** 2).sum())
        assert expected[best].sum() > 0.5 * expected.sum()


def test_who_has_drifted_away_buys_nothing_and_some_come_back(shop, exported):
    spells = truth.interest(shop)
    gone = spells.filter(~pl.col("is_alive"))
    assert gone.height > 500
    assert 0.05 < gone["ended_date"].is_not_null().mean() < 0.6
    refs = shop.known.select("customer", true_customer_ref="true_ref")
    spend = net_spend(exported).join(refs, left_on="_customer", right_on="customer", validate="m:1")
    inside = spend.join(gone, on="true_customer_ref", how="inner", validate="m:m").filter(
        pl.col("date") >= pl.col("started_date"),
        pl.col("ended_date").is_null() | (pl.col("date") < pl.col("ended_date")),
    )  # fmt: skip
    assert inside.is_empty()


def test_chances_from_level_to_level_are_probabilities():
    chances = transitions()
    assert (chances >= 0).all()
    assert chances.sum(axis=-1) == pytest.approx(1)


def test_offers_are_drawn_with_the_propensities_that_they_state(exported):
    rows = sound(exported["incentive_outcomes"])
    stated = dict(zip(offers.OFFERS, offers.PROPENSITIES, strict=True))
    assert (
        rows.select(
            (pl.col("propensity").cast(pl.Float64) - pl.col("incentive_id").replace_strict(stated))
            .abs()
            .max()
        ).item()
        < 1e-12
    )
    for arm, share in stated.items():
        found = (rows["incentive_id"] == arm).mean()
        assert abs(found - share) < 4 * np.sqrt(share * (1 - share) / rows.height)


def test_offers_do_what_the_truth_says_by_kind(shop):
    """Of the rare buyers, a voucher of 20 % brings back many more than no offer; of the frequent ones it does not."""
    drawn = shop.life.log.frame("offer", ()).with_columns(pl.col("customer", "day").cast(pl.Int64))
    orders = shop.orders.select("customer", bought="day")
    pairs = drawn.join(orders, on="customer", how="left", validate="m:m").with_columns(
        counts=(pl.col("bought") > pl.col("day")) & (pl.col("bought") <= pl.col("day") + offers.WORKS_DAYS)
    )
    per_offer = pairs.group_by("customer", "day", "arm", "kind").agg(
        pl.col("counts").fill_null(value=False).sum()
    )
    per_offer = per_offer.filter(pl.col("day") + offers.WORKS_DAYS <= day_of(LAST_DATE))
    voucher, none = offers.OFFERS.index("voucher_20"), offers.OFFERS.index("no_offer")

    def ratio(kind: str) -> tuple[float, float]:
        rows = per_offer.filter(pl.col("kind") == offers.KINDS.index(kind))
        mean, error = zip(*(
            (group.mean(), group.std() / np.sqrt(len(group)))
            for group in (rows.filter(arm=arm)["counts"] for arm in (voucher, none))
        ), strict=True)  # fmt: skip
        return mean[0] / mean[1], mean[0] / mean[1] * np.hypot(error[0] / mean[0], error[1] / mean[1])

    for kind, multiplier in zip(offers.KINDS, offers.RATE_MULTIPLIERS[:, voucher], strict=True):
        found, error = ratio(kind)
        # Orders of one person come in bursts: the error is that of the means, and three of it.
        assert abs(found - multiplier) < 3 * error, (kind, found, error)


def test_points_are_never_below_zero_and_tiers_go_up_and_down(exported):
    rows = sound(exported["loyalty_events"]).sort("_customer", "occurred_at", maintain_order=True)
    change = pl.when(pl.col("kind") == "earn").then(1).otherwise(-1) * pl.col("points").cast(
        pl.Int64
    ).fill_null(0)
    balance = rows.with_columns(balance=change.cum_sum().over("_customer"))
    assert balance["balance"].min() >= 0
    assert set(rows["kind"]) == {"earn", "redeem", "expire", "tier"}
    tiers = rows.filter(kind="tier").with_columns(
        rank=pl.col("tier").replace_strict({"basic": 0, "silver": 1, "gold": 2}, return_dtype=pl.Int64)
    ).with_columns(step=pl.col("rank").diff().over("_customer"))  # fmt: skip
    assert (tiers["step"].drop_nulls() != 0).all()
    assert (tiers["step"] > 0).any()
    assert (tiers["step"] < 0).any()


def test_every_basket_of_a_store_is_a_visit_and_some_visits_bring_nothing(shop, exported):
    visits = sound(exported["visits"])
    in_store = shop.orders.filter(~pl.col("is_web")).height
    assert in_store < visits.height < 2 * in_store
    seconds = visits["duration_seconds"].drop_nulls().cast(pl.Int64)
    assert 300 < seconds.median() < 1_500


def test_records_are_of_their_persons_and_some_persons_have_two(shop, exported):
    who = truth.identities(
        shop, exported["customers"].filter(pl.col("_customer").is_not_null()).unique("customer_ref")
    )
    assert who["source_ref"].is_unique().all()
    per_person = who.group_by("true_customer_ref").len()["len"].value_counts().sort("len")
    assert per_person["len"].to_list() == [1, 2]
    assert 0.05 < per_person["count"][1] / per_person["count"].sum() < 0.11
    assert who["true_customer_ref"].n_unique() == shop.life.people.size


def test_exports_are_written_once_and_anew_for_a_later_day(tmp_path: Path):
    places = (tmp_path / "inbox", tmp_path / "landing", tmp_path / "truth")
    at = export_shop(*places, 300, dt.date(2025, 1, 5))
    assert at == dt.datetime(2025, 1, 6, 0, 30)
    assert {path.stem for path in places[0].iterdir()} == set(OBJECTS)
    before = {path: path.stat().st_mtime_ns for path in places[0].iterdir()}
    assert export_shop(*places, 300, dt.date(2024, 12, 1)) == at
    assert {path: path.stat().st_mtime_ns for path in places[0].iterdir()} == before
    assert export_shop(*places, 300, dt.date(2025, 1, 6)) > at
    assert pl.read_csv(places[0] / "transactions.csv")["occurred_at"].str.starts_with("2025-01-06").any()
    assert {path.stem for path in places[2].iterdir()} == {
        "identities", "customers", "customer_months", "interest", "elasticities", "offer_effects"
    }  # fmt: skip


def test_one_landing_zone_holds_one_company(tmp_path: Path):
    export_shop(tmp_path / "inbox", tmp_path / "landing", tmp_path / "truth", 50, dt.date(2024, 10, 3))
    with pytest.raises(SampleCompanyMismatch, match="CUSTINT_SAMPLE_CUSTOMERS is 60"):
        export_shop(tmp_path / "inbox", tmp_path / "landing", tmp_path / "truth", 60, dt.date(2024, 10, 4))
    with pytest.raises(SampleCompanyMismatch, match="CUSTINT_SAMPLE_COMPANY is software"):
        land_sample_company(tmp_path / "landing", tmp_path / "truth", 50, dt.date(2024, 10, 4))
    land_sample_company(tmp_path / "other", tmp_path / "truth", 50, dt.date(2024, 10, 4))
    with pytest.raises(SampleCompanyMismatch, match="CUSTINT_SAMPLE_COMPANY is shop"):
        export_shop(tmp_path / "inbox", tmp_path / "other", tmp_path / "truth", 50, dt.date(2024, 10, 4))
    with pytest.raises(ValueError, match="begins on 2024-10-01"):
        export_shop(tmp_path / "inbox", tmp_path / "new", tmp_path / "truth", 50, dt.date(2024, 9, 30))
