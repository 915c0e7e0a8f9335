"""The parsed project, and changes in it as dbt would note them. Not here: what follows from them."""

import copy
import json
from functools import cache
from typing import Any

from dagster_project.defs.dbt import parsed_project


@cache
def parsed_manifest() -> dict[str, Any]:
    """What dbt has parsed; not to be changed."""
    return dict(json.loads(parsed_project().manifest_path.read_text()))


def changed(path: tuple[str, ...]) -> dict[str, Any]:
    """A copy in which the value at a path is another."""
    other = copy.deepcopy(parsed_manifest())
    place = other
    for name in path[:-1]:
        place = place[name]
    value = place.get(path[-1])
    place[path[-1]] = f"{value} " if isinstance(value, str) else ["another", value]
    return other
