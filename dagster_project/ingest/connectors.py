"""Which live sources there are: every package of this folder that exports `SOURCE`. There is no list of them.

Not here: what a source has to be (`SourceSettings` in `settings.py`).
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from dagster_project import ingest

if TYPE_CHECKING:
    from dagster_project.settings import SourceSettings


def known_sources() -> dict[str, type["SourceSettings"]]:
    """Live sources by the name of their package, which is their name in the setting `sources`."""
    packages = [module.name for module in pkgutil.iter_modules(ingest.__path__) if module.ispkg]
    modules = {name: importlib.import_module(f"{ingest.__name__}.{name}") for name in packages}
    return {name: module.SOURCE for name, module in modules.items() if hasattr(module, "SOURCE")}
