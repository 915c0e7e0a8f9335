"""What the recommended offers earn in truth, when chance draws the outcomes of the past experiment anew.

Here: a simulated company as the tables that the pipeline learns from, its redraws, and who earns what on each. Not
here: what must be reached (`offer_yardsticks.py`).

The experiment's customers and arms stay as they are; who left is drawn again from the true chances under the arm. All
earnings are by the arithmetic of `recommend_incentives`: claimed at the churn probability that the pipeline would have,
earned at the true one with the true chances under each offer.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.incentives.effects import acceptance_shares, learn_effects
from dagster_project.incentives.offer_effects import OfferEffects
from dagster_project.incentives.recommend import VALUE_DAYS, recommend_incentives
from dagster_project.sample_company import catalogue
from dagster_project.sample_company.simulation import simulate
from dagster_project.settings import DBT_DIR
from dagster_project.value.own_survival import LEAST_PROBABILITY, share_at_own_risk
from dagster_project.value.survival import MONTH_DAYS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LAST_DAY, HORIZON_DAYS = 729, 90
TODAY = dt.date(2024, 10, 1) + dt.timedelta(LAST_DAY)
MARGIN_SHARE = 0.80
OFFERS = catalogue.INCENTIVES[1:]
MONEY = pl.Decimal(18, 2)
FORESEEN = {2_000: (-1.38, 0.57, 0.55), 10_000: (-1.12, 0.675, 0.58)}
"""How the pipeline's own churn probability follows the true one, as found in whole runs of both sizes: level, slope and
spread of its log hazard given the true log hazard."""


@dataclass(frozen=True)
class Company:
    """What the pipeline would know of a company, and what is so."""

    outcomes: pl.DataFrame  # `incentive_training_examples`, without what came of the offers
    past_kind: IntArray  # true kind of each past offer, shape (past,)
    past_arm: IntArray
    past_without: FloatArray  # true chance to leave without an offer, shape (past,)
    past_chance: FloatArray  # the same under the arm, shape (past,)
    features: pl.DataFrame
    churn: pl.DataFrame
    clv: pl.DataFrame
    kind: IntArray  # true kind of each customer of today, shape (customers,)
    without: FloatArray
    with_offers: FloatArray  # shape (customers, offers)
    revenue: FloatArray  # a month

    def gain(self, without: FloatArray, with_offers: FloatArray) -> FloatArray:
        """Worth of each offer to each customer, before its cost: `recommend_incentives` says why."""
        return np.asarray((without[:, None] - with_offers) * _value(without, self.revenue)[1][:, None])

    def cost(self) -> FloatArray:
        """Expected cost of each offer for each customer, shape (customers, offers)."""
        price = offer_catalogue()
        months = (price["cost_share_of_mrr"] * price["cost_months"]).to_numpy()
        fixed = price["fixed_cost_amount"].to_numpy()
        return np.asarray(catalogue.INCENTIVE_ACCEPT_SHARE[1:] * (self.revenue[:, None] * months + fixed))

    def true_net(self) -> FloatArray:
        """What each offer earns with each customer in truth, shape (customers, offers)."""
        return self.gain(self.without, self.with_offers) - self.cost()


def _value(churn_probability: FloatArray, revenue: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Margin of a year at a churn probability, and what of it is at stake: those of `customer_clv`, shape (n,) each."""
    ends = MONTH_DAYS * np.arange(1, 13)
    chance = churn_probability.clip(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    stays = share_at_own_risk(chance, HORIZON_DAYS, ends)
    later = stays[:, ends > HORIZON_DAYS].sum(axis=1) / (1 - chance)
    return MARGIN_SHARE * revenue * stays.sum(axis=1), MARGIN_SHARE * revenue * later


def offer_catalogue() -> pl.DataFrame:
    """The seed of the pipeline, in the order of `OFFERS`."""
    return pl.DataFrame({"incentive_id": OFFERS}).join(
        pl.read_csv(DBT_DIR / "seeds" / "incentive_catalogue.csv"),
        on="incentive_id",
        how="left",
        validate="1:1",
        maintain_order="left",
    )


def draw_company(count: int, seed: int) -> Company:
    """Simulate a company of so many paying customers over two years."""
    log = simulate(count, seed, LAST_DAY, LAST_DAY).log
    seen = _as_seen(log.frame("hazard", ()).join(
        log.frame("revenue", ("customer", "day")), on=["customer", "day"], validate="1:1"
    ))  # fmt: skip
    past = (
        log.frame("offer", ())
        .filter(pl.col("day") + catalogue.OFFER_DAYS <= LAST_DAY)
        .with_columns(pl.col("day") - 1, drawn_kind="kind")
        .join(seen, on=["customer", "day"], validate="1:1")
        .sort("day", "customer")
    )
    arm = past["arm"].to_numpy()
    chances = past.select("probability", *(f"with_{offer}" for offer in OFFERS)).to_numpy()
    offered = pl.lit(dt.date(2024, 10, 1)) + pl.duration(days=pl.col("day") + 1)
    outcomes = past.select(
        pl.format("o{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(6)).alias("outcome_id"),
        pl.format("c{}", pl.col("customer").cast(pl.String).str.zfill(6)).alias("customer_id"),
        incentive_id=pl.Series([catalogue.INCENTIVES[each] for each in arm]),
        propensity_probability=pl.Series(np.array(catalogue.PROPENSITIES)[arm]),
        offered_date=offered,
        is_accepted=pl.col("accepted") >= 0,
        cost_amount=pl.col("cost").cast(MONEY),
        observed_until_date=offered + pl.duration(days=catalogue.OFFER_DAYS),
    ).hstack(past.select(_FEATURES))
    today = seen.filter(day=LAST_DAY).sort("customer")
    key = pl.format("c{}", pl.col("customer").cast(pl.String).str.zfill(6)).alias("customer_id")
    features = today.select(key, *_FEATURES, as_of_date=pl.lit(TODAY), is_subscriber=pl.lit(value=True))
    without = today["probability"].to_numpy()
    revenue = today["mrr_amount"].cast(pl.Float64).to_numpy()
    level, slope, spread = FORESEEN[min(FORESEEN, key=lambda size: abs(size - count))]
    noise = np.random.default_rng([seed, 1]).standard_normal(len(without))
    foreseen = 1 - np.exp(
        -np.exp(level + slope * np.log(-np.log1p(-without.clip(1e-6, 0.999))) + spread * noise)
    )
    foreseen = np.where(today["has_notice"], 0.95, foreseen)
    value, at_stake = _value(foreseen, revenue)
    return Company(
        outcomes=outcomes,
        past_kind=past["drawn_kind"].to_numpy(),
        past_arm=arm,
        past_without=past["probability"].to_numpy(),
        past_chance=np.take_along_axis(chances, arm[:, None], 1)[:, 0],
        features=features,
        churn=features.select("customer_id", churn_probability=pl.Series(foreseen)),
        clv=features.select(
            "customer_id",
            horizon_days=pl.lit(VALUE_DAYS),
            predicted_clv_amount=pl.Series(value).round(2).cast(MONEY),
            value_at_stake_amount=pl.Series(at_stake).round(2).cast(MONEY),
        ),
        kind=today["kind"].to_numpy(),
        without=without,
        with_offers=today.select(f"with_{offer}" for offer in OFFERS).to_numpy(),
        revenue=revenue,
    )


_FEATURES = (
    "plan", "billing_interval", "mrr_amount", "seat_count", "active_day_last_30_days_count",
    "subscription_tenure_days", "days_until_renewal", "failed_payment_last_90_days_count", "is_cancel_at_period_end",
)  # fmt: skip


def _as_seen(month_ends: pl.DataFrame) -> pl.DataFrame:
    """Month-ends with the names that the pipeline's features have."""
    rate = pl.Series(catalogue.USD_PER_UNIT)
    return month_ends.with_columns(
        plan=pl.col("plan").replace_strict(dict(enumerate(catalogue.PLANS))),
        billing_interval=pl.col("is_yearly")
        .cast(pl.Int64)
        .replace_strict(dict(enumerate(catalogue.INTERVALS))),
        mrr_amount=(pl.col("cents") / 100 * pl.col("currency").replace_strict(dict(enumerate(rate)))).cast(
            MONEY
        ),
        seat_count="seats",
        active_day_last_30_days_count="active_days",
        subscription_tenure_days="tenure_days",
        days_until_renewal="days_left",
        failed_payment_last_90_days_count=pl.col("is_past_due").cast(pl.Int64),
        is_cancel_at_period_end=pl.col("has_notice").cast(pl.Boolean),
    )


def redrawn(company: Company, draw: int) -> pl.DataFrame:
    """The past experiment with outcomes drawn anew."""
    stays = np.random.default_rng([draw, 2]).random(company.outcomes.height) >= company.past_chance
    return company.outcomes.with_columns(is_retained=pl.Series(stays))


RATIOS = np.exp(np.linspace(-4, 2, 121))
"""Hazard ratios that the informed learner tries."""
FURTHEST = 5.0
"""Log hazard ratio beyond which a bound is no worse."""


def informed_choice(company: Company, retained: npt.NDArray[np.bool_]) -> IntArray:
    """Offer for each customer (-1 for none), by one who is told the true chances and kinds.

    Hazard ratios by maximum likelihood per kind and offer, each with the standard error of its logarithm, one over the
    root of the number who left; of the offers that earn at the one-sided 95 % bound the one that earns most at the
    estimate.
    """
    hazard = -np.log1p(-company.past_without.clip(1e-9, 1 - 1e-9))[:, None] * RATIOS
    likelihood = np.where(retained[:, None], -hazard, np.log(-np.expm1(-hazard)))
    shape = (len(catalogue.KINDS), len(OFFERS) + 1)
    cells, left = np.zeros((*shape, RATIOS.size)), np.zeros(shape)
    np.add.at(cells, (company.past_kind, company.past_arm), likelihood)
    np.add.at(left, (company.past_kind, company.past_arm), ~retained)
    log_ratio = np.log(RATIOS)[cells.argmax(axis=2)]
    bound = np.minimum(log_ratio + 1.645 / np.sqrt(left.clip(1e-9)), FURTHEST)
    stay = 1 - company.without[:, None].clip(0, 1 - 1e-9)
    estimate, lowest = (
        company.gain(company.without, 1 - stay ** np.exp(found[company.kind, 1:])) - company.cost()
        for found in (log_ratio, bound)
    )
    has_notice = company.features["is_cancel_at_period_end"].to_numpy()[:, None]
    estimate = np.where((lowest > 0) & ~has_notice, estimate, 0)
    return np.where(estimate.max(axis=1) > 0, estimate.argmax(axis=1), -1)


def earned(company: Company, choice: IntArray) -> float:
    """True net return of an offer for each customer, -1 for none."""
    net = np.column_stack([company.true_net(), np.zeros(len(choice))])
    return float(net[np.arange(len(choice)), choice].sum())


@dataclass(frozen=True)
class Draw:
    """What came of one redraw, in money."""

    claimed: float
    claimed_low: float  # ends of the 90 % interval of the claim
    claimed_high: float
    earned: float
    informed: float
    offers: int


def judged(company: Company, draw: int) -> Draw:
    """Learn from one redraw, recommend, and compare with the truth."""
    outcomes = redrawn(company, draw)
    learner = learn_effects(outcomes, TODAY)
    recommended = recommend_incentives(
        company.features,
        company.churn,
        company.clv,
        learner,
        offer_catalogue(),
        acceptance_shares(outcomes, TODAY),
    )
    names = recommended["incentive_id"].replace_strict(OFFERS, range(len(OFFERS)), default=-1)
    choice = names.fill_null(-1).to_numpy()
    low, high = claim_interval(company, learner, choice)
    return Draw(
        claimed=float(recommended.filter(pl.col("status") == "offer")["expected_roi_amount"].sum() or 0),
        claimed_low=low,
        claimed_high=high,
        earned=earned(company, choice),
        informed=earned(company, informed_choice(company, outcomes["is_retained"].to_numpy())),
        offers=int((choice >= 0).sum()),
    )


def claim_interval(
    company: Company, learner: OfferEffects | None, choice: IntArray, draws: int = 400
) -> tuple[float, float]:
    """Ends of the 90 % interval of what the chosen offers earn together, by joint draws from the posterior."""
    who = np.flatnonzero(choice >= 0)
    if learner is None or not who.size:
        return 0.0, 0.0
    column = np.array([learner.treatments_.index(name) for name in OFFERS])[choice[who]]
    ratio = np.exp(learner.draws(company.features[who], draws, seed=0)[:, np.arange(who.size), column])
    foreseen = company.churn["churn_probability"].to_numpy()
    worth = company.gain(foreseen, foreseen[:, None] - 1)[who, 0]  # of a lift of 1
    stay = 1 - foreseen[who]
    net = ((stay**ratio - stay) * worth).sum(axis=1) - company.cost()[who, choice[who]].sum()
    low, high = np.quantile(net, [0.05, 0.95])
    return float(low), float(high)
