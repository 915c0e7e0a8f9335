"""When an object was first read: all that a first read brings is history, however many runs it takes.

Events that arrive long after they happened change no history, but for those that an object delivers first (the macro
`arrived_in_time`). A first read that was cut off goes on in the next run; its rows carry the time at which it began,
or half of the history would count as late.
"""

import datetime as dt
import json
from pathlib import Path

from dagster_project.ingest.landing import write_text


def loaded_at_of_read(folder: Path, connector: str, read_at: dt.datetime) -> dt.datetime:
    """The time that the rows of a read carry: when the run began, or when the first read did that is not finished.

    Args:
        folder: Landing folder of the object; made when it is not there.
        connector: Name of the connector.
        read_at: When the run began, UTC without zone.
    """
    marker = _marker(folder, connector)
    if not marker.exists():
        _write(marker, {"began_at": read_at.isoformat(), "is_finished": False})
        return read_at
    first_read = json.loads(marker.read_text())
    return read_at if first_read["is_finished"] else dt.datetime.fromisoformat(first_read["began_at"])


def finish_first_read(folder: Path, connector: str) -> None:
    """Remember that an object was read to its end once."""
    marker = _marker(folder, connector)
    first_read = json.loads(marker.read_text())
    if not first_read["is_finished"]:
        _write(marker, first_read | {"is_finished": True})


def _marker(folder: Path, connector: str) -> Path:
    return folder / f"_first_read-{connector}.json"


def _write(marker: Path, first_read: dict[str, object]) -> None:
    write_text(marker, json.dumps(first_read) + "\n")
