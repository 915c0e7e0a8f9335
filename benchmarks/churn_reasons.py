"""Whether the reasons for leaving are those that were planted in the sample company, and hold when they are tried out.

`python benchmarks/churn_reasons.py [data folder]`, after a run of the sample company: the stored model and the day's
features give the explanations again; they are summed, each first reason is put right, and the family that it names is
compared with what drives the hazard most in `sample_truth/`.
"""

import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import logit

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))

from dagster_project.churn.classifier import ChurnClassifier  # noqa: E402
from dagster_project.churn.explanations import explain_customers  # noqa: E402
from dagster_project.churn.feature_matrix import feature_columns  # noqa: E402
from dagster_project.churn.reason_texts import reason_texts  # noqa: E402
from dagster_project.churn.tracking import read_model, registered_models  # noqa: E402
from dagster_project.databases import connect  # noqa: E402
from dagster_project.sample_company.churn import ENGAGEMENT_SLOPE, PAST_DUE_FACTOR  # noqa: E402

LEAST_FACTOR = 1.1
"""On the hazard: below it nothing that a caller can name drives a customer."""
SCORED = """
    select features.*, churn.churn_probability, churn.model_version
    from gold.customer_features as features
    inner join gold.customer_churn as churn using (customer_id, as_of_date)
    where churn.churn_probability is not null
        and as_of_date = (select max(as_of_date) from gold.customer_churn)
    order by customer_id
"""
TRUTH = """
    with customers as (
        select distinct identities.customer_id, true_identities.true_customer_ref
        from gold.customer_identities as identities
        inner join read_parquet($folder || '/identities.parquet') as true_identities using (system, object, source_ref)
    ), behind as (
        select distinct customer_id
        from silver.subscription_versions
        where status = 'past_due' and $day::date + 1 > valid_from and $day::date + 1 <= valid_to
    )
    select customer_id, engagement, trouble, has_notice, behind.customer_id is not null as is_behind
    from read_parquet($folder || '/hazards.parquet') as hazards
    inner join customers using (true_customer_ref)
    left join behind using (customer_id)
    where as_of_date = $day::date
    -- Two true customers may have been joined into one by mistake.
    qualify row_number() over (partition by customer_id order by true_churn_probability_90_days desc) = 1
"""


def main_drivers(truth: pl.DataFrame) -> pl.DataFrame:
    """The family that raises the true hazard most, of those that can be named: `customer_id` and `main_driver`.

    Notice decides alone. Else it is the largest factor on the hazard of the day against a customer of middling
    engagement, without trouble and without arrears; `none` where no factor reaches 1.1. Plan, size, age and renewal,
    which drive it too, no caller can name.

    Args:
        truth: `customer_id`, `engagement`, `trouble`, `has_notice` and `is_behind` (with a bill, on the day).
    """
    families = ["use", "support", "payment"]
    factors = truth.select(
        use=-ENGAGEMENT_SLOPE * (pl.col("engagement") - pl.col("engagement").median()),
        support=(1 + 0.5 * pl.col("trouble").clip(upper_bound=2.0)).log(),
        payment=pl.col("is_behind").cast(pl.Float64) * float(np.log(PAST_DUE_FACTOR)),
    ).to_numpy()
    largest = np.array(families)[factors.argmax(axis=1)]
    named = np.where(factors.max(axis=1) < np.log(LEAST_FACTOR), "none", largest)
    return truth.select(
        "customer_id", main_driver=pl.when("has_notice").then(pl.lit("notice")).otherwise(pl.Series(named))
    )


def stored_model(data_dir: Path, model_version: str) -> ChurnClassifier:
    """The model of that version out of the registry."""
    (found,) = [one for one in registered_models(data_dir / "mlflow") if one.model_version == model_version]
    return read_model(data_dir / "mlflow", found).classifier


def share_lowered(model: ChurnClassifier, customers: pl.DataFrame, first: pl.DataFrame) -> float:
    """Of first reasons put right (usual, as it was, or no change), those after which the probability is lower."""
    changes = [text.feature for text in reason_texts().values() if text.is_change]
    is_own_past = pl.col("sentence").str.contains("before$|ago")
    right = customers.select("customer_id").join(
        first, on="customer_id", validate="1:1", maintain_order="left"
    )
    right = right.select(
        "feature",
        value=pl.when(is_own_past & pl.col("feature").is_in(changes))
        .then(0.0)
        .when(is_own_past)
        .then("own_past_value")
        .otherwise("usual_value"),
    )
    looked_at = feature_columns(customers.join(first, on="customer_id", how="semi", maintain_order="left"))
    changed = looked_at.with_columns(
        pl.when(right["feature"] == name).then(right["value"]).otherwise(pl.col(name)).alias(name)
        for name in right["feature"].unique()
    )
    before, after = (model.predict_proba(frame)[:, 1] for frame in (looked_at, changed))
    return float((after < before).mean())


def report(data_dir: Path) -> list[str]:
    """Lines to print."""
    with connect(data_dir / "warehouse.duckdb", read_only=True) as connection:
        scored = connection.execute(SCORED).pl()
        if scored.is_empty():
            return ["nobody has a churn probability here"]
        day = scored["as_of_date"][0]
        folder = str(data_dir / "sample_truth")
        truth = connection.execute(TRUTH, {"folder": folder, "day": day.isoformat()}).pl()
    model = stored_model(data_dir, scored["model_version"][0])
    started = time.perf_counter()
    explanations = explain_customers(model, scored, day, scored["model_version"][0])
    seconds = time.perf_counter() - started
    sums = explanations.group_by("customer_id", maintain_order=True).agg(
        pl.col("contribution_log_odds").sum() + pl.col("base_log_odds").first()
    )["contribution_log_odds"]
    furthest = np.abs(sums.to_numpy() - logit(scored["churn_probability"].to_numpy())).max()
    first = explanations.filter(pl.col("rank") == 1, pl.col("sentence").is_not_null())
    both = (
        scored.select("customer_id", "churn_probability")
        .join(main_drivers(truth), on="customer_id", validate="1:1")
        .join(first.select("customer_id", "family"), on="customer_id", how="left", validate="1:1")
        .with_columns(pl.col("family").fill_null("none"))
    )
    lines = [
        f"{scored.height:,} customers of {day}, model {model.winner_}, explained in {seconds:.1f} s",
        f"furthest sum of base and contributions from the log-odds: {furthest:.1e}",
        f"first reasons put right that lower the probability: {share_lowered(model, scored, first):.2%}"
        f" of {first.height:,}",
    ]
    riskiest = both.top_k(both.height // 10, by="churn_probability")
    for name, some in (("the riskiest tenth", riskiest), ("everybody", both)):
        driven = some.filter(pl.col("main_driver") != "none")
        lines.append(
            f"{name}, {some.height:,}: the named family is the main driver of {_agree(some):.1%};"
            f" of {_agree(driven):.1%} of the {driven.height:,} who have one"
        )
        for (driver,), of_driver in some.sort("main_driver").group_by("main_driver", maintain_order=True):
            named = of_driver["family"].value_counts().sort(["count", "family"], descending=[True, False])
            told = ", ".join(f"{family} {count:,}" for family, count in named.iter_rows())
            lines.append(f"  driven by {driver}, {of_driver.height:,}: named {told}")
    return lines


def _agree(frame: pl.DataFrame) -> float:
    return float((frame["main_driver"] == frame["family"]).sum()) / max(frame.height, 1)


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT_DIR / "data")))
