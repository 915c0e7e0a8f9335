"""What contracts declare under `made_of` is so: nothing else changes a column, and all that is named does."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from contract_schemas import contract_schema

from dagster_project.churn.feature_matrix import MODEL_FEATURES
from dagster_project.churn.reason_texts import reason_texts
from dagster_project.churn.score import score_churn
from dagster_project.column_lineage import declared_sources
from dagster_project.contracts import gold_tables
from dagster_project.health.score import score_health
from dagster_project.incentives.effects import acceptance_shares, estimate_effects, learn_effects
from dagster_project.incentives.recommend import recommend_incentives
from dagster_project.settings import DBT_DIR
from dagster_project.value.activity import score_activity
from dagster_project.value.clv import score_clv
from dagster_project.value.contest import run_contest
from dagster_project.value.next_purchase import score_next_purchase
from dagster_project.value.rfm import score_rfm
from dagster_project.value.value_rows import Terms

DAY = dt.date(2026, 9, 30)
SNAPSHOT_DAYS = [dt.date(2025, month, 28) for month in range(1, 13)]
FEATURES, SNAPSHOTS = "gold.customer_features", "silver.customer_feature_snapshots"
OUTCOMES, CATALOGUE = "silver.incentive_training_examples", "bronze.incentive_catalogue"
ACTIVITY = "gold.activity_features"
PURCHASES, CONTEST = "silver.purchase_days", "gold.clv_model_contest"
RFM = "gold.customer_rfm"
EFFECTS, CHURN, CLV = "gold.incentive_effects", "gold.customer_churn", "gold.customer_clv"
KEYS = {
    FEATURES: ["customer_id", "as_of_date"],
    SNAPSHOTS: ["customer_id", "as_of_date", "label_known_date"],  # always as many days later
    PURCHASES: ["customer_id", "purchase_date"],
    ACTIVITY: ["customer_id", "as_of_date"],
    CONTEST: ["as_of_date", "model"],
    OUTCOMES: ["outcome_id", "customer_id"],
    CATALOGUE: ["incentive_id"],
    EFFECTS: ["as_of_date", "incentive_id", "customer_segment"],
    RFM: ["customer_id", "as_of_date"],
    CHURN: ["customer_id", "as_of_date"],
    CLV: ["customer_id", "as_of_date", "horizon_days"],
}
"""Values are moved between rows, and the rows keep their names."""

Frames = dict[str, pl.DataFrame]


def customers(day: dt.date, seed: int, count: int = 400) -> pl.DataFrame:
    """Rows of `customer_features` in which every column varies, half of them with subscriptions."""
    random = np.random.default_rng(seed)
    schema = contract_schema("gold", "customer_features")
    numbers = pl.DataFrame({name: random.integers(0, 40, count) for name in schema})
    is_known = pl.DataFrame({name: random.random(count) > 0.04 for name in schema})
    columns = {
        name: numbers.select(pl.when(is_known[name]).then(pl.col(name) > 15 if kind == pl.Boolean() else name))[name]
        for name, kind in schema.items()
    }  # fmt: skip
    age, days = random.integers(300, 900, count), random.integers(1, 5, count)
    first_day, repeats = random.integers(5, 90, count), random.gamma(4, 30, count)
    columns |= {
        "customer_id": [f"c{number:04d}" for number in range(count)],
        "as_of_date": [day] * count,
        "kind": random.choice(["organization", "person"], count),
        "plan": random.choice(["Starter", "Growth"], count),
        "billing_interval": random.choice(["month", "year"], count),
        "has_ever_subscribed": np.arange(count) % 2 == 0,
        "purchase_day_count": days,
        "days_since_first_purchase": age,
        "purchase_span_days": np.where(days > 1, (age * random.beta(2, 1, count)).astype(int) + 4, 0).clip(0, age),
        "first_day_spend_amount": first_day,
        "gross_spend_amount": (first_day + np.where(days > 1, days * repeats, 0)).round(2),
        "subscribed_days": random.integers(30, 900, count),
        "subscription_tenure_days": random.integers(30, 900, count),
        "days_until_resumption": random.integers(0, 200, count),
        "days_until_renewal": random.integers(0, 200, count),
    }  # fmt: skip
    return pl.DataFrame(columns, strict=False).select(
        pl.col(name).cast(kind, strict=False) for name, kind in schema.items()
    )


def snapshots() -> pl.DataFrame:
    """Labelled months in which failed payments and few active days make customers leave."""
    frame = pl.concat([customers(day, seed, 120) for seed, day in enumerate(SNAPSHOT_DAYS)])
    signal = frame["failed_payment_last_90_days_count"].fill_null(0) - frame[
        "active_day_last_30_days_count"
    ].fill_null(0)
    noise = np.random.default_rng(9).normal(0, 8, frame.height)
    return frame.with_columns(
        is_subscriber=True,
        is_churned=pl.Series(signal.to_numpy() + noise > 15),
        label_known_date=pl.col("as_of_date").dt.offset_by("90d"),
    )


def purchase_days(count: int = 400) -> pl.DataFrame:
    """Days on which customers of `customers` bought; those with a contract did so longer ago than the others."""
    random = np.random.default_rng(12)
    first = np.where(
        np.arange(count) % 2 == 0, random.integers(500, 600, count), random.integers(60, 400, count)
    )
    gaps = random.exponential(random.gamma(2, 15, (count, 1)), (count, 30)) + 1
    days_ago = np.concatenate([first[:, None], first[:, None] - np.cumsum(gaps, axis=1)], axis=1).astype(int)
    left = random.integers(0, 300, (count, 1)) * (random.random((count, 1)) < 0.3)
    who, place = np.nonzero((days_ago >= 0) & ((days_ago > left) | (np.arange(31) == 0)))
    return (
        pl.DataFrame(
            {
                "customer_id": [f"c{number:04d}" for number in who],
                "purchase_date": [DAY - dt.timedelta(days=int(days)) for days in days_ago[who, place]],
                "purchase_count": random.integers(1, 4, len(who)),
                "gross_spend_amount": random.gamma(3, 20, len(who)).round(2),
            }
        )
        .unique(["customer_id", "purchase_date"], keep="first", maintain_order=True)
        .cast({"gross_spend_amount": pl.Decimal(18, 2)})
    )  # fmt: skip


def activity_features(count: int = 400) -> pl.DataFrame:
    """Rows of `activity_features` of two rhythms, with some who were active once or never."""
    random = np.random.default_rng(31)
    days = random.integers(0, 30, count)
    gap, quiet = random.gamma(3, 6, count) + 1, random.integers(0, 90, count)
    weeks = random.integers(2, 14, count)
    return pl.DataFrame(
        {name: random.integers(0, 40, count) for name in contract_schema("gold", "activity_features")}
        | {
            "customer_id": [f"c{number:04d}" for number in range(count)],
            "as_of_date": [DAY] * count,
            "basis": random.choice(["use", "purchases"], count),
            "has_contract_ended": random.random(count) < 0.2,
            "activity_day_count": days,
            "activity_span_days": (np.maximum(days - 1, 0) * gap).astype(int),
            "activity_gap_log_sum": np.maximum(days - 1, 0) * (np.log(gap) - random.uniform(0.05, 0.4, count)),
            "days_since_last_activity": quiet,
            "trend_week_count": weeks,
            "trend_squared_day_count": random.integers(300, 900, count),
        }
    ).cast(dict(contract_schema("gold", "activity_features")))  # fmt: skip


def outcomes(count: int = 4000) -> pl.DataFrame:
    """Randomised offers, each of which keeps the customers of one plan, of one billing or of little use."""
    random = np.random.default_rng(5)
    offers = catalogue()["incentive_id"][:3]
    offer = random.choice(["no_offer", *offers], count)
    plan, billing = random.choice(["Starter", "Growth"], count), random.choice(["month", "year"], count)
    active_days = random.integers(0, 16, count)
    is_helped = np.select(
        [offer == name for name in offers], [plan == "Starter", billing == "year", active_days < 8], False
    )
    traits = {
        "seat_count": random.integers(1, 50, count),
        "subscription_tenure_days": random.integers(30, 900, count),
        "days_until_renewal": random.integers(0, 365, count),
        "failed_payment_last_90_days_count": random.integers(0, 3, count),
    }
    return pl.DataFrame(
        {
            **traits,
            "outcome_id": [f"o{number:05d}" for number in range(count)],
            "customer_id": [f"c{number:05d}" for number in range(count)],
            "incentive_id": offer,
            "propensity_probability": random.choice([0.2, 0.3, 0.5], count),
            "is_retained": random.random(count) < 0.5 + 0.45 * is_helped,
            "cost_amount": np.where(random.random(count) < 0.4, 30.0, 0.0),
            "observed_until_date": [
                DAY - dt.timedelta(days=int(days)) for days in random.integers(-30, 90, count)
            ],
            "plan": plan,
            "billing_interval": billing,
            "active_day_last_30_days_count": active_days,
            "mrr_amount": random.integers(0, 100, count),
            "is_accepted": random.random(count) < 0.5,
        }
    )


def catalogue() -> pl.DataFrame:
    return pl.read_csv(DBT_DIR / "seeds" / "incentive_catalogue.csv")


def rfm(frames: Frames) -> Frames:
    return {"customer_rfm": score_rfm(frames[FEATURES])}


def contest(frames: Frames) -> Frames:
    return {"clv_model_contest": run_contest(frames[PURCHASES], frames[FEATURES], DAY)}


def clv(frames: Frames) -> Frames:
    made = score_clv(frames[FEATURES], frames[PURCHASES], frames[CONTEST], frames[CHURN], 90, Terms(0.8, 0.1))
    return dict(zip(("customer_clv", "clv_model_parameters"), made, strict=True))


def next_purchase(frames: Frames) -> Frames:
    made = score_next_purchase(frames[FEATURES], frames[PURCHASES], frames[CONTEST], DAY)
    return {"customer_next_purchase": made}


def activity(frames: Frames) -> Frames:
    return {"customer_activity": score_activity(frames[ACTIVITY])}


def health(frames: Frames) -> Frames:
    levels = gold_tables()["customer_health"].levels("health_level")
    return {"customer_health": score_health(frames[FEATURES], frames[RFM], levels)}


def churn(frames: Frames) -> Frames:
    result = score_churn(frames[FEATURES], frames[SNAPSHOTS], DAY)
    return {
        "customer_churn": result.customers,
        "churn_explanations": result.explanations,
        "churn_model_metrics": result.metrics,
        "churn_calibration": result.calibration,
    }


def effects(frames: Frames) -> Frames:
    return {"incentive_effects": estimate_effects(frames[OUTCOMES], DAY)}


def incentives(frames: Frames) -> Frames:
    recommended = recommend_incentives(
        frames[FEATURES],
        frames[CHURN],
        frames[CLV],
        learn_effects(frames[OUTCOMES], DAY),
        frames[CATALOGUE],
        acceptance=acceptance_shares(frames[OUTCOMES], DAY),
    )
    return {"customer_incentives": recommended}


@dataclass(frozen=True)
class Step:
    """What writes tables, the tables that it reads, and what it gives when nothing is changed."""

    make: Callable[[Frames], Frames]
    frames: Frames
    made: Frames


@pytest.fixture(scope="module")
def steps() -> dict[str, Step]:
    features = customers(DAY, 100)
    frames = {
        FEATURES: features,
        SNAPSHOTS: snapshots(),
        PURCHASES: purchase_days(),
        ACTIVITY: activity_features(),
        OUTCOMES: outcomes(),
        CATALOGUE: catalogue(),
    }
    found: dict[str, Step] = {}
    for make, reads in (
        (rfm, [FEATURES]),
        (contest, [FEATURES, PURCHASES]),
        (churn, [FEATURES, SNAPSHOTS]),
        (clv, [FEATURES, PURCHASES, CONTEST, CHURN]),
        (next_purchase, [FEATURES, PURCHASES, CONTEST]),
        (activity, [ACTIVITY]),
        (health, [FEATURES, RFM]),
        (effects, [OUTCOMES]),
        (incentives, [FEATURES, CHURN, CLV, CATALOGUE, OUTCOMES]),
    ):
        read = {name: frames[name] for name in reads}
        found[make.__name__] = Step(make, read, make(read))
        frames |= {f"gold.{name}": frame for name, frame in found[make.__name__].made.items()}
        if make is contest:  # whose values need all that a contest may say
            frames[CONTEST] = frames[CONTEST].with_columns(is_winner=pl.col("model") == "blend")
        if make is churn:  # who has no probability is valued by the survival of all
            is_known = pl.col("customer_id").str.slice(-1) != "4"
            frames[CHURN] = frames[CHURN].with_columns(pl.when(is_known).then("churn_probability"))
    return found


STEPS = ["rfm", "contest", "clv", "next_purchase", "activity", "health", "churn", "effects", "incentives"]


def shuffled(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return frame.with_columns(pl.col(name).shuffle(seed=number) for number, name in enumerate(names))


def emptied(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    return frame.with_columns(pl.lit(None, dtype=frame.schema[name]).alias(name) for name in names)


def changed(step: Step, table: str, column: str, made: Frames) -> bool:
    """Whether a column has other values than it had in the rows that are there still; of a key, any that it had not."""
    before, after, grain = step.made[table], made[table], list(gold_tables()[table].grain)
    if column in grain:
        return not set(after[column]) <= set(before[column])
    both = before.select(*grain, column).join(after.select(*grain, after=column), on=grain, validate="1:1")
    return not both[column].equals(both["after"])


def test_every_column_of_the_gold_that_python_writes_declares_what_it_is_made_of():
    tables = [table for table in gold_tables().values() if table.is_written_by_python]
    assert len(tables) == 13
    undeclared = [f"{t.name}.{c.name}" for t in tables for c in t.columns if c.made_of is None]
    assert undeclared == []


def test_columns_of_the_table_itself_stand_for_what_they_are_made_of():
    sources = declared_sources(gold_tables()["customer_rfm"])
    counted = [("gold", "customer_features", name) for name in ("days_since_last_purchase", "purchase_count")]
    assert sources["f_score"] == counted
    assert sources["rfm_segment"] == [*counted, ("gold", "customer_features", "spend_amount")]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("change", [shuffled, emptied])
def test_what_is_not_declared_changes_nothing(name: str, change: Callable, steps: dict[str, Step]):
    step = steps[name]
    groups: dict[frozenset, list[tuple[str, str]]] = {}
    for table in step.made:
        for column, sources in declared_sources(gold_tables()[table]).items():
            groups.setdefault(frozenset(sources), []).append((table, column))
    for declared, places in groups.items():
        others = {
            address: [
                column
                for column in frame.columns
                if column not in KEYS[address] and (*address.split("."), column) not in declared
            ]
            for address, frame in step.frames.items()
        }
        made = step.make({address: change(frame, others[address]) for address, frame in step.frames.items()})
        wrong = [f"{table}.{column}" for table, column in places if changed(step, table, column, made)]
        assert wrong == [], f"changed, though only what is not declared is {change.__name__}"


@pytest.mark.parametrize("name", [name for name in STEPS if name != "churn"])
def test_all_that_is_declared_changes_its_column(name: str, steps: dict[str, Step]):
    """Churn has too many inputs for a model each; its list is compared with that of the model."""
    step = steps[name]
    readers: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for table in step.made:
        for column in gold_tables()[table].columns:
            for address in (column.made_of or {}).keys() & step.frames.keys():
                for source in set(column.made_of[address]) - set(KEYS[address]):
                    readers.setdefault((address, source), []).append((table, column.name))
    idle = []
    for (address, source), places in readers.items():
        made = [
            step.make(step.frames | {address: change(step.frames[address], [source])})
            for change in (shuffled, emptied)
        ]
        idle += [
            f"{table}.{column}: {address}.{source}"
            for table, column in places
            if not any(
                changed(step, table, column, each) or each[table].height != step.made[table].height
                for each in made
            )
        ]
    assert readers
    assert idle == []


def test_churn_declares_what_the_model_looks_at(steps: dict[str, Step]):
    assert steps["churn"].made["customer_churn"]["churn_probability"].n_unique() > 20  # there is a model
    looked_at = {"plan", *(name for feature in MODEL_FEATURES for name in feature.value.meta.root_names())}
    columns = {column.name: column.made_of for column in gold_tables()["customer_churn"].columns}
    assert sorted(columns["churn_probability"][FEATURES]) == sorted(looked_at)
    explained = {column.name: column.made_of for column in gold_tables()["churn_explanations"].columns}
    assert sorted(explained["sentence"][FEATURES]) == sorted(looked_at)
    assert {name for text in reason_texts().values() for name in (text.said, text.past)} - {
        ""
    } <= looked_at | {feature.name for feature in MODEL_FEATURES}
    for table in ("churn_explanations", "churn_model_metrics", "churn_calibration"):
        (version,) = [column for column in gold_tables()[table].columns if column.name == "model_version"]
        assert sorted(version.made_of[SNAPSHOTS]) == sorted(looked_at | set(columns["status"][SNAPSHOTS]))
