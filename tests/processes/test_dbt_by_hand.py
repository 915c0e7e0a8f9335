"""dbt as a person types it, where there is nothing to build."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.settings import DBT_DIR, PROJECT_DIR


def typed(data_dir: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`dbt`, typed in `dbt/`; what it compiles goes elsewhere, as other tests read what is there."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CUSTINT_", "DBT_"))}
    return subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *words, "--target-path", str(folder)],
        cwd=DBT_DIR,
        env={**clean, "PYTHONPATH": str(PROJECT_DIR), "CUSTINT_DATA_DIR": str(data_dir), "DBT_LOG_PATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("is_folder_there", "words"), [(True, ("build",)), (False, ("build",)), (False, ("docs", "generate"))]
)
def test_without_data_it_says_so_in_one_line_and_leaves_nothing(
    is_folder_there: bool, words: tuple[str, ...], tmp_path: Path
):
    data_dir = tmp_path / "data"
    if is_folder_there:
        data_dir.mkdir()
    done = typed(data_dir, tmp_path / "dbt", *words)
    assert done.returncode != 0
    assert (
        f"There is no data in {data_dir}/landing: `make run` in the project's folder makes it; CUSTINT_DATA_DIR names"
        " another data folder." in done.stdout
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert data_dir.exists() == is_folder_there
    assert not is_folder_there or list(data_dir.iterdir()) == []
