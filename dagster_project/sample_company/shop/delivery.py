"""The shop's exports as files for the file drop: the entry point of this company.

Here: which rows are exported by the end of a day, the mess in them, and the writing. Not here: how rows come about.
"""

import datetime as dt
from pathlib import Path

import polars as pl

from dagster_project.sample_company.mess import NO_DATE, Breakage, with_mess
from dagster_project.sample_company.progress import Progress, read_progress, write_progress
from dagster_project.sample_company.shop.exports import OBJECTS, Shop, open_books
from dagster_project.sample_company.shop.life import live
from dagster_project.sample_company.shop.truth import write_truth
from dagster_project.sample_company.timeline import HISTORY_START, day_of, day_of_second, unix_seconds

SHOP = "shop"
DEFAULT_SEED = 20240930

BREAKAGES: dict[str, tuple[Breakage, ...]] = {
    "customers": (("created_at", NO_DATE), ("created_at", "31.02.2025")),
    "transactions": (
        ("amount", "n/a"),
        ("occurred_at", NO_DATE),
        ("customer_ref", None),
        ("status", "parked"),
    ),
    "transaction_lines": (("quantity", "many"), ("product_ref", None)),
    "visits": (("occurred_at", NO_DATE), ("customer_ref", None), ("occurred_at", "2199-01-01T00:00:00Z")),
    "loyalty_events": (("kind", "gift"), ("customer_ref", None), ("occurred_at", NO_DATE)),
    "touchpoints": (("channel", None), ("occurred_at", NO_DATE)),
    "survey_responses": (("score", "eleven"), ("responded_at", NO_DATE)),
    "tickets": (("opened_at", NO_DATE), ("customer_ref", None)),
    "incentive_outcomes": (("offered_at", NO_DATE), ("incentive_id", None)),
}
"""For each object the fields that break and what then stands in them."""


def open_shop(customer_count: int, through_date: dt.date, seed: int = DEFAULT_SEED) -> Shop:
    """Everything that happened in the shop up to the end of a day."""
    return open_books(live(customer_count, seed, day_of(through_date)))


def exported_rows(shop: Shop, name: str) -> pl.DataFrame:
    """Every row of one object up to the last day, with `_customer`: sound ones, repeated ones, broken ones.

    Those of before the first day (customers of old) count to that day. Repeated rows stand behind the first.
    """
    rows = OBJECTS[name](shop).filter(pl.col("_second") < int(unix_seconds(shop.life.last_day + 1)))
    rows = rows.with_columns(_day=day_of_second(pl.col("_second")).clip(lower_bound=0)).drop("_second")
    delivery = with_mess(shop.life.people.seed, f"shop {name}", rows, BREAKAGES.get(name, ()))
    repeated = delivery.repeated.filter(pl.col("_day") <= shop.life.last_day)
    return pl.concat([delivery.ordered, repeated, delivery.broken]).drop("_day")


def export_shop(
    inbox_dir: Path,
    landing_dir: Path,
    truth_dir: Path,
    customer_count: int,
    through_date: dt.date,
    seed: int = DEFAULT_SEED,
) -> dt.datetime:
    """Write what the shop's systems export at the end of a day, one CSV file per object; each is its whole truth.

    Amounts are in the reporting currency, whatever it is. When the files of this or a later day are there, nothing is
    written: rows of a later day wait in bronze for a run of theirs.

    Args:
        inbox_dir: Where the files are put.
        landing_dir: Root of the landing zone, which remembers whose it is.
        truth_dir: Folder of the truth files.
        customer_count: Persons over the 730 days from 2024-10-01.
        through_date: Last day that is exported.
        seed: Seed of the company.

    Returns:
        When the files were exported, UTC without zone: half an hour after their last day. The shop's clock is its own;
        its history does not depend on when somebody runs it.

    Raises:
        SampleCompanyMismatch: The landing zone holds another sample company.
        ValueError: `through_date` is before the first day.
    """
    if through_date < HISTORY_START:
        raise ValueError(f"the sample company begins on {HISTORY_START}; nothing is there by {through_date}")
    progress = read_progress(landing_dir, SHOP, customer_count, seed)
    done = dt.date.fromisoformat(progress.through_date) if progress.through_date else None
    if done and through_date <= done:
        return _half_an_hour_after(done)
    write_progress(landing_dir, Progress(customer_count, seed, None, through_date.isoformat(), SHOP))
    shop = open_shop(customer_count, through_date, seed)
    inbox_dir.mkdir(parents=True, exist_ok=True)
    for name in OBJECTS:
        rows = exported_rows(shop, name)
        rows.drop("_customer").write_csv(inbox_dir / f"{name}.csv")
        if name == "customers":
            write_truth(
                truth_dir, shop, rows.filter(pl.col("_customer").is_not_null()).unique("customer_ref")
            )
    write_progress(landing_dir, Progress(customer_count, seed, through_date.isoformat(), None, SHOP))
    return _half_an_hour_after(through_date)


def _half_an_hour_after(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(0, 30))
