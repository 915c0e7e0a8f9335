"""The data dictionary says every gold column with its unit and meaning, and is the one of today's contracts."""

from dagster_project.contracts import NUMERIC_TYPES, gold_tables
from dagster_project.data_dictionary import data_dictionary
from dagster_project.settings import PROJECT_DIR


def test_the_committed_dictionary_is_that_of_the_contracts():
    written = (PROJECT_DIR / "DATA_DICTIONARY.md").read_text(encoding="utf-8")
    assert written == data_dictionary(gold_tables()), "run `make contracts`"


def test_every_column_of_every_table_is_there_with_unit_and_meaning():
    text = data_dictionary(gold_tables())
    for name, table in gold_tables().items():
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
        assert [row[0].strip("| *") for row in rows] == [column.name for column in table.columns]
        for row, column in zip(rows, table.columns, strict=True):
            assert row[-1].strip(" |"), (name, column.name)
            assert bool(row[2]) == column.data_type.startswith(NUMERIC_TYPES), (name, column.name)
