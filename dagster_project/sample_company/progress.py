"""What of a sample company has been landed, and that a landing zone holds one of them.

Not here: the landing itself (`delivery`, `shop.delivery`).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dagster_project.ingest.landing import write_text

FILE = "_sample_company.json"
SOFTWARE = "software"


class SampleCompanyMismatch(ValueError):  # noqa: N818 - says what is wrong in the user's words
    """The landing zone holds another sample company, or one of another size or seed."""


@dataclass(frozen=True)
class Progress:
    """What has been landed so far; `pending` is the last day of a landing that has begun."""

    customer_count: int
    seed: int
    through_date: str | None
    pending: str | None
    company: str = SOFTWARE


def read_progress(landing_dir: Path, company: str, customer_count: int, seed: int) -> Progress:
    """What of this company has been landed; nothing where the landing zone is new.

    Raises:
        SampleCompanyMismatch: The landing zone holds another one.
    """
    path = landing_dir / FILE
    if not path.exists():
        return Progress(customer_count, seed, None, None, company)
    progress = Progress(**json.loads(path.read_text(encoding="utf-8")))
    advice = "set another CUSTINT_DATA_DIR or run `make clean`"
    if progress.company != company:
        raise SampleCompanyMismatch(
            f"CUSTINT_SAMPLE_COMPANY is {company} but {landing_dir} holds the other one, {progress.company}: {advice}"
        )
    if (progress.customer_count, progress.seed) != (customer_count, seed):
        found = f"{progress.customer_count} (seed {progress.seed})"
        raise SampleCompanyMismatch(
            f"CUSTINT_SAMPLE_CUSTOMERS is {customer_count} (seed {seed}) but {landing_dir} holds one of "
            f"{found}: {advice}"
        )
    return progress


def write_progress(landing_dir: Path, progress: Progress) -> None:
    """Remember it; the software firm is the one that no file names."""
    content = asdict(progress)
    if progress.company == SOFTWARE:
        del content["company"]
    write_text(landing_dir / FILE, json.dumps(content, indent=2) + "\n")
