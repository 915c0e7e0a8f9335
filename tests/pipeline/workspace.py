"""Runs of the real command line in a fresh data folder, as a person would type them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

PROJECT = Path(__file__).resolve().parents[2]
THIRD_PARTY_DATA = PROJECT.parent / "shared" / "data"


class Workspace:
    """One data folder and the runs in it."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.data_dir = data_dir
        self.settings = {"CUSTINT_DATA_DIR": str(data_dir), **settings}

    def run(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """`python -m dagster_project run` with these settings on top of the workspace's."""
        return self.command("run", **settings)

    def command(self, word: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """One command of `python -m dagster_project`."""
        return self.python("-m", "dagster_project", word, **settings)

    def python(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Python with these arguments, in the project's folder."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CUSTINT_")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env={**clean, **self.settings, **settings},
            capture_output=True,
            text=True,
            timeout=500,
        )

    def run_well(self, **settings: str) -> str:
        """Run and insist on success; the printed text."""
        done = self.run(**settings)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    @property
    def published(self) -> Path:
        return self.data_dir / "published"

    def query(self, sql: str) -> list[tuple]:
        """Rows from the published file, opened as an analyst does."""
        with duckdb.connect(
            str(self.published / "customer_intelligence.duckdb"), read_only=True
        ) as connection:
            return connection.execute(sql).fetchall()

    def contacts(self, sql: str) -> list[tuple]:
        """Rows from the published contacts."""
        with duckdb.connect(str(self.published / "contacts.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def warehouse(self, sql: str) -> list[tuple]:
        """Rows from the warehouse, between runs."""
        with duckdb.connect(str(self.data_dir / "warehouse.duckdb"), read_only=True) as connection:
            return connection.execute(sql).fetchall()


def third_party(name: str) -> Path:
    """A folder of third-party data, or a skip that says what is missing."""
    folder = THIRD_PARTY_DATA / name
    if not folder.is_dir():
        pytest.skip(
            f"third-party data is not here: {name} is not committed; put it beside the project to run this"
        )
    return folder


def drop_example(name: str, data_dir: Path) -> None:
    """The example's data and mappings into the inbox, as its README says."""
    inbox = data_dir / "inbox"
    inbox.mkdir(parents=True)
    for path in [*third_party(name).iterdir(), *(PROJECT / "data" / "examples" / name).glob("*.sql")]:
        shutil.copy(path, inbox)


def pairwise_precision_and_recall(workspace: Workspace, resolved: str) -> tuple[float, float]:
    """Of the pairs of records that were joined, the share that truly belongs together, and the other way round.

    Args:
        workspace: Where to ask.
        resolved: Query of one row per record: `found`, the group that it was put into, and `truth`.
    """
    ((precision, recall),) = workspace.query(
        f"""with resolved as ({resolved}),
        pairs as (
            select
                (select sum(n * (n - 1)) from (select count(*) as n from resolved group by found, truth)) as common,
                (select sum(n * (n - 1)) from (select count(*) as n from resolved group by found)) as joined,
                (select sum(n * (n - 1)) from (select count(*) as n from resolved group by truth)) as actual
        )
        select common / joined, common / actual from pairs"""
    )
    return precision, recall
