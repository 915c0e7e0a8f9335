"""Whether each configured source can be read: one cheap call per object, before anybody waits for a night's run.

Not here: how a source is asked (its connector's `probe`), and printing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dagster_project.ingest.streams import Connector, SourceError


@dataclass(frozen=True)
class CheckedObject:
    """One line of the check; None where it could not be found out."""

    source: str
    object_name: str
    is_reachable: bool | None
    is_authorised: bool | None
    is_visible: bool | None
    newest: str = ""
    note: str = ""


def is_readable(lines: list[CheckedObject]) -> bool:
    """Something of the source can be read; an object that is not part of a plan keeps nobody from the rest."""
    return any(line.is_reachable and line.is_authorised and line.is_visible for line in lines)


def check_source(source: str, open_connector: Callable[[], Connector]) -> Iterator[CheckedObject]:
    """Ask one live source for each of its objects; what fails becomes a line, never an exception of its own."""
    try:
        for probe in open_connector().probe():
            yield CheckedObject(
                source, probe.object_name, True, True, probe.is_visible, probe.newest, probe.note
            )
    except SourceError as error:
        is_authorised = False if error.was_reached else None
        yield CheckedObject(source, "all", error.was_reached, is_authorised, None, note=str(error))
