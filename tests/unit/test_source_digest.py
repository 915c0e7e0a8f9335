"""The digest of source files, that names the code of a publication and says when dbt must parse anew."""

from pathlib import Path

import pytest

from dagster_project.source_digest import source_digest


def write_project(folder: Path) -> Path:
    for name, text in (
        ("dagster_project/a.py", "1"),
        ("dagster_project/weights.json", "{}"),
        ("dbt/models/m.sql", "select 1"),
        ("dbt/seeds/s.csv", "a"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def digest(project: Path) -> str:
    return source_digest(project / "dagster_project", project / "dbt")


def test_the_digest_is_the_same_for_the_same_files_wherever_they_lie(tmp_path: Path):
    first, second = (digest(write_project(tmp_path / name)) for name in ("one", "two"))
    assert first == second
    assert len(first) == 16
    assert int(first, 16) >= 0


@pytest.mark.parametrize(
    "name", ["dagster_project/a.py", "dagster_project/weights.json", "dbt/models/m.sql", "dbt/seeds/s.csv"]
)
def test_the_digest_changes_with_content_with_a_name_and_when_a_file_goes(name: str, tmp_path: Path):
    project = write_project(tmp_path)
    digests = {digest(project)}
    path = project / name
    path.rename(path.with_stem("renamed"))
    digests.add(digest(project))
    path.with_stem("renamed").write_text("changed")
    digests.add(digest(project))
    path.with_stem("renamed").unlink()
    digests.add(digest(project))
    assert len(digests) == 4


def test_the_digest_leaves_out_what_dbt_compiles_and_caches(tmp_path: Path):
    project = write_project(tmp_path)
    before = digest(project)
    (project / "dbt" / "target").mkdir()
    (project / "dbt" / "target" / "m.sql").write_text("compiled")
    (project / "dagster_project" / "a.pyc").write_text("cached")
    assert digest(project) == before


def test_a_file_alone_has_a_digest_too(tmp_path: Path):
    seed = write_project(tmp_path) / "dbt" / "seeds" / "s.csv"
    before = source_digest(seed)
    seed.write_text("b")
    assert source_digest(seed) != before
