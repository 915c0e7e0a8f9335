"""What each system delivers on which day, and the landing of it: the entry point of the sample company.

Here: which rows go into which batch, and the progress file. Not here: how the rows come about.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import polars as pl

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import write_batch
from dagster_project.sample_company import (
    billing_records,
    crm_records,
    invoice_records,
    marketing_records,
    product_records,
    support_desks,
    support_records,
    ticket_events,
)
from dagster_project.sample_company.directory import Directory, build_directory
from dagster_project.sample_company.mess import with_mess
from dagster_project.sample_company.progress import SOFTWARE, Progress, read_progress, write_progress
from dagster_project.sample_company.simulation import Simulation, simulate
from dagster_project.sample_company.timeline import HISTORY_START, date_of, day_of
from dagster_project.sample_company.truth import IDENTITY_OBJECTS, write_truth

DEFAULT_SEED = 20240930
TRUTH_COLUMNS = ("_customer", "_person")
"""Position of the true customer, and number of the person within it; they never land."""

POLARS_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
"""Types of landing fields by the words of the contracts."""

RECORDS: dict[str, Callable[[Simulation, Directory], pl.DataFrame | Iterator[pl.DataFrame]]] = {
    "salesforce__users": crm_records.users,
    "salesforce__accounts": crm_records.accounts,
    "salesforce__contacts": crm_records.contacts,
    "salesforce__opportunities": crm_records.opportunities,
    "salesforce__campaigns": crm_records.campaigns,
    "salesforce__campaign_members": crm_records.campaign_members,
    "stripe__products": lambda _simulation, _directory: billing_records.products(),
    "stripe__prices": lambda _simulation, _directory: billing_records.prices(),
    "stripe__customers": billing_records.customers,
    "stripe__subscriptions": billing_records.subscriptions,
    "stripe__invoice_lines": invoice_records.invoice_lines,
    "stripe__invoices": invoice_records.invoices,
    "stripe__charges": invoice_records.charges,
    "stripe__refunds": invoice_records.refunds,
    "zendesk__organizations": support_records.organizations,
    "zendesk__users": support_records.users,
    "zendesk__schedules": support_desks.schedules,
    "zendesk__holidays": support_desks.holidays,
    "zendesk__ticket_events": ticket_events.ticket_events,
    "zendesk__tickets": support_records.tickets,
    "zendesk__satisfaction_ratings": support_records.satisfaction_ratings,
    "product__workspaces": product_records.workspaces,
    "product__users": product_records.users,
    "product__events": product_records.events,
    "marketing__touchpoints": marketing_records.touchpoints,
    "marketing__nps_responses": marketing_records.nps_responses,
    "marketing__consents": marketing_records.consents,
    "experiments__incentive_outcomes": marketing_records.incentive_outcomes,
}


def delivered_rows(simulation: Simulation, directory: Directory, name: str) -> Iterator[pl.DataFrame]:
    """Every row of one object up to the last simulated day, in pieces.

    Yields:
        The fields of the contract that the company fills, then `_customer` (true customer, null when of no
        matter), `_person` (which person of that customer the record is, null for none) and `_day` (day number
        of delivery, 0 or more), sorted by day, repeated and broken rows last.
    """
    records = RECORDS[name](simulation, directory)
    wanted = pl.col("_day") <= simulation.last_day
    repeated, broken = [], []
    for rows in [records] if isinstance(records, pl.DataFrame) else records:
        delivery = with_mess(directory.seed, name, _in_landing_columns(rows.filter(wanted), name))
        yield delivery.ordered
        repeated.append(delivery.repeated.filter(wanted))
        broken.append(delivery.broken)
    yield from (pl.concat(extra) for extra in (repeated, broken) if extra)


def _in_landing_columns(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    for truth in TRUTH_COLUMNS:
        if truth not in rows.columns:
            rows = rows.with_columns(pl.lit(None, dtype=pl.Int64).alias(truth))
    fields = landing_objects()[name].items()
    columns = [pl.col(field).cast(POLARS_TYPES[kind]) for field, kind in fields if field in rows.columns]
    return rows.select(
        *columns, pl.col(TRUTH_COLUMNS).cast(pl.Int64), pl.col("_day").cast(pl.Int64).clip(lower_bound=0)
    )


def land_sample_company(
    landing_dir: Path, truth_dir: Path, customer_count: int, through_date: dt.date, seed: int = DEFAULT_SEED
) -> dict[str, int]:
    """Write what the systems of the sample company have delivered by the end of a day, as far as it is new.

    The first landing writes one batch per object with the whole history; each later day is its own batch. The
    rows are the same either way.

    Args:
        landing_dir: Root of the landing zone.
        truth_dir: Folder of the truth files, written anew whenever something is landed.
        customer_count: Distinct paying companies over the 730 days from 2024-10-01.
        through_date: Last day whose deliveries are wanted.
        seed: Seed of the company.

    Returns:
        Rows newly written per `<system>__<object>`, 0 for objects without.

    Raises:
        SampleCompanyMismatch: The landing zone holds a company of another size or seed.
        ValueError: `through_date` is before the first day.
    """
    if through_date < HISTORY_START:
        raise ValueError(
            f"the sample company begins on {HISTORY_START}; there is nothing to land by {through_date}"
        )
    progress = read_progress(landing_dir, SOFTWARE, customer_count, seed)
    written = dict.fromkeys(RECORDS, 0)
    steps = [progress.pending] if progress.pending else []
    for target in [*map(dt.date.fromisoformat, steps), through_date]:
        done = dt.date.fromisoformat(progress.through_date) if progress.through_date else None
        if done is not None and target <= done:
            continue
        progress = Progress(customer_count, seed, progress.through_date, target.isoformat())
        write_progress(landing_dir, progress)
        for name, count in _land(landing_dir, truth_dir, progress, done, target).items():
            written[name] += count
        progress = Progress(customer_count, seed, target.isoformat(), None)
        write_progress(landing_dir, progress)
    return written


def _land(
    landing_dir: Path, truth_dir: Path, progress: Progress, done: dt.date | None, target: dt.date
) -> dict[str, int]:
    first_day = 0 if done is None else day_of(done) + 1
    simulation = simulate(progress.customer_count, progress.seed, day_of(target), first_day)
    directory = build_directory(simulation.population)
    written: dict[str, int] = {}
    delivered: dict[str, pl.DataFrame] = {}
    for name in RECORDS:
        pieces: Iterable[pl.DataFrame] = delivered_rows(simulation, directory, name)
        if name in IDENTITY_OBJECTS:
            pieces = list(pieces)
            delivered[name] = pl.concat(pieces).select(pieces[0].columns[0], *TRUTH_COLUMNS)
        batches = {target: pieces} if done is None else _by_day(pieces, first_day)
        written[name] = sum(_write(landing_dir, name, date, batch) for date, batch in batches.items())
    write_truth(truth_dir, simulation, directory, delivered)
    return written


def _by_day(pieces: Iterable[pl.DataFrame], first_day: int) -> dict[dt.date, list[pl.DataFrame]]:
    rows = pl.concat(piece.filter(pl.col("_day") >= first_day) for piece in pieces)
    parts = rows.partition_by("_day", as_dict=True, maintain_order=True)
    return {date_of(int(key[0])): [part] for key, part in parts.items()}


def _write(landing_dir: Path, name: str, date: dt.date, pieces: Iterable[pl.DataFrame]) -> int:
    filled = (piece.drop("_day", *TRUTH_COLUMNS) for piece in pieces if not piece.is_empty())
    first = next(filled, None)
    if first is None:
        return 0
    system, _, object_name = name.partition("__")
    loaded_at = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(0, 30))
    return write_batch(
        landing_dir, system, object_name, date.isoformat(), itertools.chain([first], filled), loaded_at
    )
