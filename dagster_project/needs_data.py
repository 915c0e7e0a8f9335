"""A plugin of dbt-duckdb for dbt typed by hand: where nothing has landed it says so, before the warehouse is opened.

dbt itself would make an empty warehouse, or fail with a stack trace where the data folder is not there. Not here: what
dbt does with data (`dbt/`).
"""

from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):
    """`dbt/profiles.yml` names it; a run of the pipeline has landed its files by then."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Refuse a data folder without a landed file.

        Raises:
            RuntimeError: One line for a person; dbt shows it as its own error.
        """
        if not plugin_config["is_typed_by_hand"] or self.creds is None:
            return
        landing = Path(self.creds.path).resolve().parent / "landing"
        if next(landing.glob("*/*/*.parquet"), None) is None:
            raise RuntimeError(
                f"There is no data in {landing}: `make run` in the project's folder makes it; CUSTINT_DATA_DIR names "
                "another data folder."
            )
