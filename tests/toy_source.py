"""A source of products and their prices whose rows are known, and a reader of it that is killed.

Run as a program it reads the source into many folders: `toy_source.py ROOT own|ours POINT...`, where a point is the
rename (`r3`) or the instruction (`i500`) at which the reading process ends; each is followed by a read to the end.
`count` prints how many renames and instructions a whole read has. Not here: any assertion.
"""

import datetime as dt
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from dagster_project.contracts import landing_contract
from dagster_project.ingest import batches, landing, landing_rows
from dagster_project.ingest.batches import land_stream
from dagster_project.ingest.streams import Cursor, Page, Record, Stream

OBJECTS = ("stripe__products", "stripe__prices")
PRODUCT_COUNT = 12
PRODUCTS_PER_PAGE = 2
BATCH_ROWS = 12
FIRST_READ = dt.datetime(2026, 10, 1, 2)
SECOND_READ = dt.datetime(2026, 10, 2, 2)
WATCHED = {batches.__file__, landing.__file__, landing_rows.__file__}


def product(number: int, version: int, **changes: Any) -> Record:
    """One product that keeps its contract."""
    return {
        "id": f"prod_{number:03}", "name": f"Product {number}", "active": True, "created": 1_600_000_000 + number,
        "event_created": version, "beyond": number, **changes,
    }  # fmt: skip


def price(number: int, version: int, **changes: Any) -> Record:
    """One price of a product, twice as many as those."""
    return {
        "id": f"price_{number:03}", "product": f"prod_{number // 2:03}", "currency": "eur", "unit_amount": number,
        "recurring": {"interval": "month"}, "active": True, "created": 1_600_000_000, "event_created": version,
        **changes,
    }  # fmt: skip


def stream(has_own_version: bool, read_at: dt.datetime) -> Stream:
    """All products and prices; each read begins one page before its cursor."""

    def read(cursor: Cursor) -> Iterator[Page]:
        start = max(cursor.get("next", 0) - PRODUCTS_PER_PAGE, 0)
        for first in range(start, PRODUCT_COUNT, PRODUCTS_PER_PAGE):
            numbers = range(first, first + PRODUCTS_PER_PAGE)
            version = {number: number if has_own_version else int(read_at.timestamp()) for number in numbers}
            products = [product(number, version[number]) for number in numbers]
            prices = [price(2 * number + at, version[number]) for number in numbers for at in (0, 1)]
            yield Page(
                dict(zip(OBJECTS, (products, prices), strict=True)), {"next": first + PRODUCTS_PER_PAGE}
            )

    return Stream(OBJECTS, read, has_own_version)


def read_all(folder: Path, has_own_version: bool, read_at: dt.datetime) -> None:
    """Land what is new, to the end."""
    list(land_stream(folder, "toy", stream(has_own_version, read_at), read_at, BATCH_ROWS))


class _Counter:
    """Counts renames and instructions, and ends the process at one of them."""

    def __init__(self, rename: int = 0, instruction: int = 0) -> None:
        self.renames = self.instructions = 0
        self._last_rename, self._last_instruction = rename, instruction
        self._replace: Callable[[Path, Path], Path] = Path.replace

    def rename(self, path: Path, target: Path) -> Path:
        renamed = self._replace(path, target)
        self.renames += 1
        if self.renames == self._last_rename:
            os._exit(9)
        return renamed

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in WATCHED:
            return None
        frame.f_trace_opcodes = True
        self.instructions += 1
        if self.instructions == self._last_instruction:
            os._exit(9)
        return self.trace


def _read_watched(folder: Path, has_own_version: bool, counter: _Counter) -> None:
    Path.replace = lambda path, target: counter.rename(path, target)  # type: ignore[method-assign,assignment]
    sys.settrace(counter.trace)
    try:
        read_all(folder, has_own_version, FIRST_READ)
    finally:
        sys.settrace(None)


def _in_a_process_of_its_own(work: Callable[[], None]) -> int:
    pid = os.fork()  # the library of this process has been loaded, and nothing has run yet
    if pid == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _killed_and_read_again(folder: Path, has_own_version: bool, point: str) -> None:
    counter = _Counter(**{{"r": "rename", "i": "instruction"}[point[0]]: int(point[1:])})
    killed = _in_a_process_of_its_own(lambda: _read_watched(folder, has_own_version, counter))
    if killed not in (0, 9):
        sys.exit(f"{point}: the first read failed by itself")
    if _in_a_process_of_its_own(lambda: read_all(folder, has_own_version, SECOND_READ)):
        sys.exit(f"{point}: the second read failed")


if __name__ == "__main__":
    for name in OBJECTS:
        landing_contract(name)  # read once, not after each fork
    root, kind, points = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if points == ["count"]:
        whole = _Counter()
        _read_watched(root / "whole", kind == "own", whole)
        sys.stdout.write(f"{whole.renames} {whole.instructions}")
    for place in points if points != ["count"] else []:
        _killed_and_read_again(root / place, kind == "own", place)
