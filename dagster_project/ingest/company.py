"""What a data folder was built for, so that two companies or two currencies never mix in one warehouse."""

import json
from pathlib import Path

from dagster_project.ingest.landing import write_text


class OtherCompanyError(Exception):
    """The data folder belongs to other sources or another currency; the message says what to do."""


def claim_data_dir(data_dir: Path, sources: tuple[str, ...], reporting_currency: str) -> None:
    """Write down what a data folder is for, or check that it is still for the same.

    Sources may be added later; dropping one would leave its customers in the daily history.

    Raises:
        OtherCompanyError: The folder was built with a source that is gone, or in another reporting currency.
    """
    path = data_dir / "company.json"
    content = {"sources": sorted(sources), "reporting_currency": reporting_currency}
    advice = "Set CUSTINT_DATA_DIR to another folder, or run `make clean` to start over."
    if path.exists():
        before = json.loads(path.read_text())
        if not set(before["sources"]) <= set(sources):
            raise OtherCompanyError(
                f"{data_dir} was built with CUSTINT_SOURCES={','.join(before['sources'])}; "
                f"now it is {','.join(sources)}. {advice}"
            )
        if before["reporting_currency"] != reporting_currency:
            raise OtherCompanyError(
                f"{data_dir} was built with CUSTINT_REPORTING_CURRENCY={before['reporting_currency']}; "
                f"now it is {reporting_currency}. {advice}"
            )
        if before == content:
            return
    write_text(path, json.dumps(content, indent=2) + "\n")
