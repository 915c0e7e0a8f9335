"""A data folder is for one company in one currency; this is how it says so."""

import json
from pathlib import Path

import pytest

from dagster_project.ingest.company import OtherCompanyError, claim_data_dir


def content(data_dir: Path) -> dict[str, object]:
    return json.loads((data_dir / "company.json").read_text())


def test_the_first_claim_makes_the_folder_and_writes_down_what_it_is_for(tmp_path: Path):
    claim_data_dir(tmp_path / "new" / "data", ("sample", "files"), "EUR")
    assert content(tmp_path / "new" / "data") == {"sources": ["files", "sample"], "reporting_currency": "EUR"}


def test_the_same_claim_again_changes_nothing_in_whatever_order_the_sources_come(tmp_path: Path):
    claim_data_dir(tmp_path, ("sample", "files"), "USD")
    before = (tmp_path / "company.json").read_bytes()
    claim_data_dir(tmp_path, ("files", "sample"), "USD")
    assert (tmp_path / "company.json").read_bytes() == before


def test_a_source_may_be_added_and_belongs_to_the_folder_from_then_on(tmp_path: Path):
    claim_data_dir(tmp_path, ("sample",), "USD")
    claim_data_dir(tmp_path, ("sample", "files"), "USD")
    with pytest.raises(OtherCompanyError):
        claim_data_dir(tmp_path, ("sample",), "USD")


@pytest.mark.parametrize(
    ("sources", "currency", "words"),
    [
        (("files",), "USD", ["CUSTINT_SOURCES=sample;", "now it is files."]),
        (("sample",), "EUR", ["CUSTINT_REPORTING_CURRENCY=USD;", "now it is EUR."]),
        (("files",), "EUR", ["CUSTINT_SOURCES=sample;"]),
    ],
)
def test_another_company_is_refused_with_both_values_and_a_way_out(
    sources: tuple[str, ...], currency: str, words: list[str], tmp_path: Path
):
    claim_data_dir(tmp_path, ("sample",), "USD")
    before = (tmp_path / "company.json").read_bytes()
    with pytest.raises(OtherCompanyError) as caught:
        claim_data_dir(tmp_path, sources, currency)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path} was built with ")
    assert all(word in message for word in words), message
    assert message.endswith("Set CUSTINT_DATA_DIR to another folder, or run `make clean` to start over.")
    assert "\n" not in message
    assert (tmp_path / "company.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["company.json"]


def test_two_folders_know_nothing_of_each_other(tmp_path: Path):
    claim_data_dir(tmp_path / "one", ("sample",), "USD")
    claim_data_dir(tmp_path / "two", ("files",), "EUR")
    assert content(tmp_path / "one")["sources"] == ["sample"]


def test_other_files_in_the_folder_stay(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    claim_data_dir(tmp_path, ("sample",), "USD")
    assert (tmp_path / "notes.txt").read_text() == "mine"
