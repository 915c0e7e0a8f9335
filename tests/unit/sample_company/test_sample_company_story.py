import datetime as dt

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from dagster_project.sample_company.catalogue import INCENTIVES, VOLUNTARY_HAZARD_MULTIPLIERS
from dagster_project.sample_company.population import draw_population
from dagster_project.sample_company.simulation import simulate
from dagster_project.sample_company.timeline import unix_seconds
from dagster_project.sample_company.truth import SECOND_NUMBER


def month_end_outcomes(landed) -> pl.DataFrame:
    """Month-ends of subscribers, and whether the billing rows end the subscription within 90 days."""
    who = (
        landed.truth("identities")
        .filter(system="stripe", object="customers")
        .select("source_ref", "true_customer_ref")
    )
    subscriptions = landed.sound("stripe__subscriptions")
    # A subscription that goes on in another currency, or beside another one, loses nobody.
    goes_on = subscriptions.select("customer", ended_at="start_date").unique()
    ends = (
        subscriptions.filter(pl.col("ended_at").is_not_null(), ~pl.col("id").str.ends_with("50"))
        .join(goes_on, on=["customer", "ended_at"], how="anti")
        .join(who, left_on="customer", right_on="source_ref", validate="m:1")
        .select("true_customer_ref", end=pl.from_epoch("ended_at", "s").dt.date())
    )
    hazards = landed.truth("hazards").filter(pl.col("as_of_date") <= dt.date(2026, 6, 30))
    pairs = hazards.join(ends, on="true_customer_ref", how="left", validate="m:m")
    after = pl.col("end") - pl.col("as_of_date")
    churns = (after > pl.duration(days=0)) & (after <= pl.duration(days=90))
    return pairs.group_by("true_customer_ref", "as_of_date").agg(
        churns.any().fill_null(False).alias("is_churned"),
        pl.col("true_churn_probability_90_days", "engagement").first(),
    )


def test_the_default_history_holds_exactly_the_customers_asked_for():
    for count in (50, 137, 2000):
        people = draw_population(count, 5, 729)
        assert (people.is_paying & (people.join_day < 730)).sum() == count


def test_all_paying_customers_pay_within_the_history(landed):
    customers = landed.truth("customers")
    assert customers.filter("is_paying").height == 200
    assert customers.filter(~pl.col("is_paying") & pl.col("joined_date").is_not_null()).height == 0


def test_yearly_churn_is_about_a_fifth_to_a_quarter():
    log = simulate(1000, 3, 729).log
    subscribers = log.frame("hazard", ()).height / 24
    assert 0.17 < log.frame("ended", ()).height / 2 / subscribers < 0.29


def test_the_true_probability_ranks_and_sizes_real_churn(landed):
    outcomes = month_end_outcomes(landed)
    auc = roc_auc_score(outcomes["is_churned"], outcomes["true_churn_probability_90_days"])
    assert 0.72 < auc < 0.92
    assert outcomes["is_churned"].mean() == pytest.approx(
        outcomes["true_churn_probability_90_days"].mean(), abs=0.025
    )


def ends(log) -> pl.DataFrame:
    """Customer and day of each end of a first subscription that does not go on as another one."""
    versions = log.frame("subscription", ()).filter(pl.col("number") != SECOND_NUMBER)
    spans = versions.group_by("customer", "number").agg(pl.col("second").min(), pl.col("ended_second").max())
    goes_on = spans.select("customer", ended_second="second").unique()
    return (
        spans.filter(pl.col("ended_second") >= 0)
        .join(goes_on, on=["customer", "ended_second"], how="anti")
        .select("customer", end=(pl.col("ended_second") - int(unix_seconds(0))) // 86_400)
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_as_many_leave_as_the_truth_expects(seed):
    log = simulate(1500, seed, 729).log
    month_ends = log.frame("hazard", ()).filter(pl.col("day").is_between(180, 729 - 90))
    after = pl.col("end") - pl.col("day")
    leaves = ((after > 0) & (after <= 90)).any().fill_null(value=False)
    rows = month_ends.join(ends(log), on="customer", how="left", validate="m:m").group_by("customer", "day").agg(
        pl.col("probability").first(), leaves.alias("leaves").cast(pl.Float64)
    )  # fmt: skip
    # The month-ends of one customer see the same end: customers are what varies.
    surplus = rows.group_by("customer").agg(
        (pl.col("leaves") - pl.col("probability")).sum().alias("surplus")
    )["surplus"]
    assert abs(surplus.sum()) < 2 * (surplus**2).sum() ** 0.5
    risky = rows.filter(pl.col("probability").is_between(0.1, 0.9))
    assert risky["leaves"].mean() == pytest.approx(risky["probability"].mean(), abs=0.05)


def test_usage_follows_engagement(landed):
    events = landed.sound("product__events")
    keys = landed.truth("identities").filter(system="product", object="workspaces")
    june = events.filter(pl.col("occurred_at").str.starts_with("2026-06")).join(
        keys, left_on="workspace_id", right_on="source_ref", validate="m:1"
    )
    days = june.group_by("true_customer_ref").agg(
        pl.col("occurred_at").str.slice(0, 10).n_unique().alias("days")
    )
    state = landed.truth("hazards").filter(as_of_date=dt.date(2026, 6, 30))
    both = state.join(days, on="true_customer_ref", how="left", validate="1:1").with_columns(
        pl.col("days").fill_null(0)
    )
    assert both.select(pl.corr("engagement", "days", method="spearman")).item() > 0.6


def test_ticket_tone_follows_engagement_for_a_lexicon(landed):
    tickets = landed.sound("zendesk__tickets").unique("id", keep="first", maintain_order=True)
    month_start = pl.col("created_at").str.slice(0, 10).str.to_date().dt.truncate("1mo")
    who = landed.truth("identities").filter(system="zendesk", object="users").with_columns(
        pl.col("source_ref").cast(pl.Int64)
    )  # fmt: skip
    joined = (
        tickets.with_columns(as_of_date=month_start - pl.duration(days=1))
        .join(who, left_on="requester_id", right_on="source_ref", validate="m:1")
        .join(landed.truth("hazards"), on=["true_customer_ref", "as_of_date"], validate="m:1")
        .sort("id")
        .head(600)
    )
    analyzer = SentimentIntensityAnalyzer()
    tone = [analyzer.polarity_scores(text)["compound"] for text in joined["description"]]
    both = joined.with_columns(pl.Series("tone", tone))
    assert both.select(pl.corr("engagement", "tone", method="spearman")).item() > 0.4
    assert both["tone"].min() < -0.6 and both["tone"].max() > 0.8


def test_quick_solutions_are_rated_better():
    tickets = simulate(1000, 3, 400).log.frame("ticket", ()).filter("is_asked", "answers")
    quick, slow = (
        tickets.filter(pl.col("solve_minutes") < 480),
        tickets.filter(pl.col("solve_minutes") > 2_880),
    )
    assert quick["is_good"].mean() > slow["is_good"].mean() + 0.1


def test_offers_are_drawn_with_the_written_propensities_and_cost_nothing_unless_accepted(landed):
    outcomes = landed.sound("experiments__incentive_outcomes")
    control = outcomes.filter(incentive_id="no_offer")
    assert control.height / outcomes.height == pytest.approx(0.30, abs=0.05)
    assert set(outcomes["incentive_id"]) == set(INCENTIVES)
    arms = outcomes.group_by("incentive_id").agg(pl.col("propensity").first())
    assert arms["propensity"].sum() == pytest.approx(1.0)
    assert outcomes.filter(pl.col("accepted_at").is_null())["cost_usd"].sum() == 0
    assert control["cost_usd"].sum() == 0 and control["accepted_at"].null_count() == control.height
    assert outcomes.filter(pl.col("accepted_at").is_not_null())["cost_usd"].min() > 0


def offered(log) -> pl.DataFrame:
    """Offers with what came of them, and the true chance to leave of the month-end before, under the arm drawn."""
    before = log.frame("hazard", ()).with_columns(pl.col("day") + 1)
    by_arm = [
        pl.when(pl.col("arm") == arm).then(pl.col("probability" if arm == 0 else f"with_{name}"))
        for arm, name in enumerate(INCENTIVES)
    ]
    return (
        log.frame("offer", ())
        .join(log.frame("retention", ()), on=["customer", "day"], validate="1:1")
        .join(before.drop("kind"), on=["customer", "day"], validate="1:1")
        .with_columns(expected=pl.coalesce(by_arm), left=1.0 - pl.col("is_retained"))
    )


def test_offers_do_what_the_truth_says_they_do():
    rows = pl.concat([offered(simulate(3000, seed, 729, 729).log) for seed in (11, 12)])
    surplus, variance = pl.col("left") - pl.col("expected"), pl.col("expected") * (1 - pl.col("expected"))
    for groups in (["arm"], ["kind", pl.col("arm") > 0]):
        found = rows.group_by(groups).agg(z=surplus.sum() / variance.sum().sqrt(), count=pl.len())
        assert found["z"].abs().max() < 3.3, found
    # Had offers acted on unpaid bills too, or not at all, this would not hold of those whom they change most.
    changed = rows.filter((pl.col("expected") / pl.col("probability")).log().abs() > 0.5)
    error = changed.select(variance.sum().sqrt()).item()
    assert abs(changed.select(surplus.sum()).item()) < 2.5 * error
    assert abs(changed.select((pl.col("left") - pl.col("probability")).sum()).item()) > 2.5 * error
    assert (VOLUNTARY_HAZARD_MULTIPLIERS[:, 0] == 1).all()


def test_the_true_chance_to_leave_is_made_of_its_parts_and_of_what_offers_change():
    rows = simulate(800, 7, 400, 400).log.frame("hazard", ()).filter(~pl.col("has_notice"))
    chance, voluntary, payment = (rows[name].to_numpy() for name in ("probability", "voluntary", "payment"))
    assert np.allclose(chance, 1 - (1 - voluntary) * (1 - payment))
    assert payment.sum() / chance.sum() == pytest.approx(0.12, abs=0.03)
    rare = voluntary < 0.02
    for arm, name in enumerate(INCENTIVES[1:], start=1):
        factor = VOLUNTARY_HAZARD_MULTIPLIERS[rows["kind"].to_numpy(), arm]
        with_offer = rows[f"with_{name}"].to_numpy()
        expected = 1 - (1 - voluntary) ** factor * (1 - payment)
        assert with_offer[rare] == pytest.approx(expected[rare], rel=0.03)
        assert ((with_offer >= chance) == (factor >= 1)).all()
        assert (with_offer > payment).all()
