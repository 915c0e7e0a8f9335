"""The version of the code that a manifest names."""

from pathlib import Path

import pytest

from dagster_project.publish.generation import code_version


def write_project(folder: Path) -> Path:
    for name, text in (
        ("dagster_project/a.py", "1"),
        ("dbt/models/m.sql", "select 1"),
        ("dbt/seeds/s.csv", "a"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_code_version_is_the_same_for_the_same_files_wherever_they_lie(tmp_path: Path):
    first, second = (code_version(write_project(tmp_path / name)) for name in ("one", "two"))
    assert first == second
    assert len(first) == 16
    assert int(first, 16) >= 0


@pytest.mark.parametrize("name", ["dagster_project/a.py", "dbt/models/m.sql", "dbt/seeds/s.csv"])
def test_the_code_version_changes_with_content_and_with_a_name(name: str, tmp_path: Path):
    project = write_project(tmp_path)
    before = code_version(project)
    path = project / name
    path.rename(path.with_stem("renamed"))
    renamed = code_version(project)
    path.with_stem("renamed").write_text("changed")
    assert len({before, renamed, code_version(project)}) == 3


def test_the_code_version_leaves_out_what_dbt_compiles_and_caches(tmp_path: Path):
    project = write_project(tmp_path)
    before = code_version(project)
    (project / "dbt" / "target").mkdir()
    (project / "dbt" / "target" / "m.sql").write_text("compiled")
    (project / "dagster_project" / "a.pyc").write_text("cached")
    assert code_version(project) == before
