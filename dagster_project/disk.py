"""A full disk in one line, and a look at the free space before a run.

Here: what a run is expected to write, and how errors of all libraries that write are known as a full disk. Not here:
what is done about it (`__main__.py`).
"""

import errno
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 2**20
# Measured with 200, 2,000 and 10,000 customers of the sample company: bytes per byte of landing, beside what empty
# tables take. DuckDB gives each column of each table a block of its own.
WAREHOUSE_PER_LANDING, EMPTY_WAREHOUSE = 7.0, 45 * MIB
GENERATION_PER_LANDING, EMPTY_GENERATION = 2.8, 14 * MIB
RECORDS_OF_A_RUN = 16 * MIB  # Dagster's events, dbt's logs, the model
LANDING_PER_INBOX = 0.15  # Parquet of a CSV
LANDING_PER_SAMPLE_CUSTOMER = 16 * 1024
LANDING_PER_SHOP_CUSTOMER = 2 * 1024
GROWTH = 0.1  # of a warehouse whose tables are built anew in their own room
CERTAIN_SHARE = 0.6  # less than this of what is likely cannot be enough
NOTHING_LEFT = MIB  # with less, whatever fails fails of it

FULL = re.compile(
    r"no space left on device|database or disk is full|disk quota exceeded|not enough space on the disk"
    r"|max_temp_directory_size|errno 28|enospc",
    re.IGNORECASE,
)
NAMED = re.compile(r"(?:file|for|to|path) ['\"]([^'\"]+)['\"]|: ['\"](/[^'\"]+)['\"]")


@dataclass(frozen=True)
class Sizes:
    """What lies in a data folder before a run, and what is about to arrive, in bytes."""

    landing: int = 0
    warehouse: int = 0
    generation: int = 0  # the newest that is published
    arriving: int = 0

    @property
    def likely_need(self) -> int:
        """Bytes that a run will probably add: the new generation is written before an old one goes."""
        landing = self.landing + self.arriving
        warehouse = max(
            EMPTY_WAREHOUSE + WAREHOUSE_PER_LANDING * landing - self.warehouse, GROWTH * self.warehouse
        )
        generation = max(EMPTY_GENERATION + GENERATION_PER_LANDING * landing, self.generation)
        return int(self.arriving + warehouse + generation + RECORDS_OF_A_RUN)

    @property
    def least_need(self) -> int:
        """Bytes without which no run can end well."""
        return int(self.likely_need * CERTAIN_SHARE)


def bytes_in(path: Path) -> int:
    """Size of a file, or of all files under a folder; 0 when it is not there."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def free_bytes(folder: Path) -> int:
    """Bytes that may be written where a folder is, or will be."""
    return shutil.disk_usage(next(place for place in (folder, *folder.parents) if place.exists())).free


def in_words(size: float) -> str:
    """An amount of bytes for a person."""
    return f"{size / 2**30:,.1f} GB" if size >= 2**30 else f"{max(size, 0) / MIB:,.0f} MB"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def is_disk_full(problem: BaseException | str) -> bool:
    """Whether an error, one behind it, or a message tells of a full disk, whoever wrote: Python, DuckDB or SQLite."""
    if isinstance(problem, str):
        return bool(FULL.search(problem))
    return any(
        (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT))
        or FULL.search(str(error))
        for error in _chain(problem)
    )


def _file_of(problem: BaseException | str, data_dir: Path) -> str:
    """The file that could not be written, where the error names one."""
    errors: list[str | BaseException] = [problem] if isinstance(problem, str) else list(_chain(problem))
    for error in errors:
        if isinstance(error, OSError) and error.filename:
            return str(error.filename)
        named: list[str] = [first or second for first, second in NAMED.findall(str(error))]
        inside = [name for name in named if name.startswith(str(data_dir))]
        if inside:
            return inside[0]
        if "database or disk is full" in str(error):  # SQLite never says which
            return f"a record of Dagster or MLflow in {data_dir}"
        if "max_temp_directory_size" in str(error):
            return str(data_dir / "spill")
    return f"a file in {data_dir}"


def disk_full_line(problem: BaseException | str, data_dir: Path, need: int, published: str) -> str:
    """What a person reads when the disk is full: which file, how much is missing, what stayed.

    Args:
        problem: The error, or a message that holds it.
        data_dir: The folder that was written.
        need: Bytes that the run was expected to add when it began.
        published: What was published before, in words; empty when nothing was.
    """
    free = free_bytes(data_dir)
    missing = max(need - free, need // 4)  # what is there of the run makes room when it runs again
    stayed = (
        f"what was published before ({published}) is intact" if published else "nothing was published yet"
    )
    return (
        f"The disk is full: {_file_of(problem, data_dir)} could not be written; {in_words(free)} are free, about"
        f" {in_words(missing)} are missing. Make room, or set CUSTINT_DATA_DIR to a folder on another disk, and run"
        f" again; {stayed}."
    )


def too_little_space(data_dir: Path, sizes: Sizes) -> tuple[str, bool]:
    """A line about the free space before a run, and whether it can end well at all; the line is empty when all is well.

    Args:
        data_dir: The folder that will be written.
        sizes: What lies in it.
    """
    free = free_bytes(data_dir)
    if free >= sizes.likely_need:
        return "", True
    is_possible = free >= sizes.least_need
    amount = (
        f"about {in_words(sizes.likely_need)}" if is_possible else f"at least {in_words(sizes.least_need)}"
    )
    verdict = "may run full" if is_possible else "is too small"
    return (
        f"The disk {verdict}: {in_words(free)} are free where {data_dir} is, and by the size of landing and warehouse a"
        f" run writes {amount}. Make room, or set CUSTINT_DATA_DIR to a folder on another disk.",
        is_possible,
    )
