"""The value and churn models beside what is published of them, and recommended offers beside the planted truth.

`make yardsticks`, or `python benchmarks/yardsticks.py [folder]`: CDNOW (see `data/examples/cdnow`), 39 weeks to learn
from and 39 to foretell, as in Fader, Hardie and Lee (2005), and IBM's Telco customers (`churn_yardsticks.py`). These
files are not part of this project: those that are missing are named. Offers need no file (`offer_yardsticks.py`).
"""

import datetime as dt
import sys
from pathlib import Path

import polars as pl

PROJECT_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT_DIR))

from benchmarks.churn_yardsticks import telco_table, telco_yardsticks  # noqa: E402
from benchmarks.offer_redraws import FORESEEN  # noqa: E402
from benchmarks.offer_yardsticks import DRAWS, offer_yardsticks  # noqa: E402
from benchmarks.yardstick import Yardstick  # noqa: E402
from dagster_project.value.buyers import bought_within, buyers_at, purchases_without_contract  # noqa: E402
from dagster_project.value.contest import forecast  # noqa: E402
from dagster_project.value.forecast_measures import measures_of  # noqa: E402
from dagster_project.value.next_purchase import score_next_purchase  # noqa: E402
from dagster_project.value.purchase_models import PURCHASE_MODELS, WITH_SPEND, fit_models  # noqa: E402

DATA_DIR = PROJECT_DIR.parent / "shared" / "data"
CDNOW_FILE = Path("cdnow") / "CDNOW_master.txt"
TELCO_FILE = Path("telco") / "Telco-Customer-Churn.csv"
TRAIN_UNTIL, WINDOW_DAYS = dt.date(1997, 9, 30), 39 * 7
PUBLISHED = {
    "bg_nbd": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426},
    "pareto_nbd": {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669},
}
"""Of a tenth of the cohort, in the tables of the paper; the estimates here are of all 23,570."""


def cdnow_purchase_days(path: Path) -> pl.DataFrame:
    """Rows of `purchase_days` of the CDNOW cohort: 23,570 customers, 18 months."""
    lines = pl.Series("line", path.read_text().splitlines()[1:]).str.strip_chars()
    fields = (
        lines.filter(lines != "")
        .str.replace_all(r"\s+", " ")
        .str.split(" ")
        .list.to_struct(fields=["customer_id", "day", "cds", "dollars"])
    )
    return (
        fields.struct.unnest()
        .select(
            "customer_id",
            purchase_date=pl.col("day").str.to_date("%Y%m%d"),
            gross_spend_amount=pl.col("dollars").cast(pl.Decimal(18, 2)),
        )
        .group_by("customer_id", "purchase_date")
        .agg(pl.col("gross_spend_amount").sum())
        .sort("customer_id", "purchase_date")
    )


def cdnow_purchases(purchase_days: pl.DataFrame) -> pl.DataFrame:
    """The same as models read them: nobody has a contract."""
    nobody = purchase_days.select("customer_id").unique().with_columns(has_ever_subscribed=pl.lit(False))
    return purchases_without_contract(purchase_days, nobody, TRAIN_UNTIL + dt.timedelta(WINDOW_DAYS))


def cdnow_measures(purchases: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Measures of every model of the contest on the 39 weeks after the first 39."""
    forecasts = forecast(purchases, TRAIN_UNTIL, WINDOW_DAYS)
    until = TRAIN_UNTIL + dt.timedelta(WINDOW_DAYS)
    day_counts, spend = bought_within(purchases, forecasts.customer_ids, TRAIN_UNTIL, until)
    return {
        name: measures_of(predicted, spend, forecasts.purchases.get(name), day_counts)
        for name, predicted in forecasts.spend.items()
    }


def cdnow_yardsticks(measures: dict[str, dict[str, float]]) -> list[Yardstick]:
    """What the best model of purchases must reach."""
    best = measures[
        min((name + WITH_SPEND for name in PURCHASE_MODELS), key=lambda name: measures[name]["loss"])
    ]
    return [
        Yardstick("total error of purchases (share)", best["purchase_total_error_ratio"], -0.13, 0.13),
        Yardstick("mean absolute error of purchases (days)", best["purchase_mean_absolute_error"], 0.0, 0.80),
        Yardstick("rank correlation of purchases", best["purchase_rank_correlation"], 0.45, 1.0),
    ]


def cdnow_next_purchase(purchase_days: pl.DataFrame) -> list[Yardstick]:
    """How many of the 80 % intervals of the next purchase hold what came in the 39 weeks after.

    A customer who did not come in these weeks is inside where the interval goes on.
    """
    until = TRAIN_UNTIL + dt.timedelta(WINDOW_DAYS)
    features = (
        purchase_days.select("customer_id")
        .unique()
        .with_columns(has_ever_subscribed=pl.lit(False), as_of_date=pl.lit(TRAIN_UNTIL))
    )
    contest = pl.DataFrame({"model": ["pareto_nbd" + WITH_SPEND], "loss": [0.0], "is_winner": [True]})
    foretold = score_next_purchase(features, purchase_days, contest, TRAIN_UNTIL)
    came = (
        purchase_days.filter(pl.col("purchase_date") > TRAIN_UNTIL)
        .sort("customer_id", "purchase_date")
        .group_by("customer_id", maintain_order=True)
        .agg(came_date=pl.col("purchase_date").first(), came_amount=pl.col("gross_spend_amount").first())
    )
    later = until + dt.timedelta(1)
    both = foretold.filter(pl.col("next_purchase_date").is_not_null()).join(
        came, on="customer_id", how="left", validate="1:1"
    )
    date = pl.col("came_date").fill_null(later)
    in_time = (date >= pl.col("next_purchase_earliest_date")) & (
        date <= pl.col("next_purchase_latest_date").fill_null(later)
    )
    goes_on = pl.col("came_date").is_null() & (pl.col("next_purchase_latest_date").fill_null(later) > until)
    in_amount = pl.col("came_amount").is_between("next_purchase_low_amount", "next_purchase_high_amount")
    shares = both.select(date=(in_time | goes_on).mean(), amount=in_amount.mean()).row(0)
    names = ("date", "amount")
    return [
        Yardstick(f"next {name} inside its 80 % interval (share)", share, 0.75, 0.88)
        for name, share in zip(names, shares, strict=True)
    ]


def print_cdnow(path: Path) -> list[Yardstick]:
    """Print estimates and measures of CDNOW's customers."""
    purchase_days = cdnow_purchase_days(path)
    purchases = cdnow_purchases(purchase_days)
    models = fit_models(buyers_at(purchases, TRAIN_UNTIL))
    print("cdnow: estimates of all customers beside those of the paper, of a tenth of them")
    for name, published in PUBLISHED.items():
        fitted = models.purchases[name]
        for parameter, value in published.items():
            ours, error = getattr(fitted, f"{parameter}_"), fitted.standard_errors_[parameter]
            print(f"  {name:<12} {parameter:<6} {ours:8.3f} +- {error:.3f}   published {value:8.3f}")
    print("cdnow: 39 weeks foretold from the 39 before; the blend is without its level here")
    measures = cdnow_measures(purchases)
    for name, found in measures.items():
        print(f"  {name}: " + ", ".join(f"{measure} {value:.3f}" for measure, value in found.items()))
    return cdnow_yardsticks(measures) + cdnow_next_purchase(purchase_days)


def print_telco(path: Path) -> list[Yardstick]:
    """Print what the churn model says of Telco's customers."""
    print("telco: 7,043 customers in five folds, each foretold from the other four")
    return telco_yardsticks(*telco_table(path))


def print_offers() -> list[Yardstick]:
    """Print what recommended offers earn when the past experiment is drawn anew."""
    print(
        "offers: five simulated companies of each size, the outcomes of past offers drawn anew from the truth"
    )
    return [each for count in FORESEEN for each in offer_yardsticks(count, DRAWS)]


def show_verdicts(yardsticks: list[Yardstick]) -> int:
    """Print each with its verdict; how many are missed."""
    for each in yardsticks:
        verdict = "met   " if each.is_met else "MISSED"
        print(f"  {verdict} {each.name}: {each.value:.4f} (from {each.lowest} to {each.highest})", flush=True)
    return sum(not each.is_met for each in yardsticks)


def main() -> int:
    """Print all; the exit code is 1 when a yardstick is missed."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA_DIR
    missed = show_verdicts(print_offers())
    for place, show in ((CDNOW_FILE, print_cdnow), (TELCO_FILE, print_telco)):
        path = folder / place
        if not path.exists():
            print(f"{place.parent}: not there, {place.name} is third-party data: put it into {path.parent}")
            continue
        missed += show_verdicts(show(path))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
