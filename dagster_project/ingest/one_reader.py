"""One run at a time reads a source into a data folder: two would land the same rows twice.

The lock is the operating system's, so that it ends with the process that holds it, however that ends.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster_project.ingest.streams import SourceError


@contextmanager
def only_reader(landing_dir: Path, source: str) -> Iterator[None]:
    """Hold the source while the block runs.

    Raises:
        SourceError: Another run holds it.
    """
    landing_dir.mkdir(parents=True, exist_ok=True)
    with (landing_dir / f".{source}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceError(
                f"{source}: another run is reading it into {landing_dir}; start this one again when that has ended.",
                stops_source=True,
            ) from None
        yield
