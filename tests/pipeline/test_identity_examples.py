"""Who is who through the whole pipeline: on third-party records of known truth."""

import re

import pytest
from workspace import Workspace, drop_example, pairwise_precision_and_recall

E_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
pytestmark = pytest.mark.proof  # a whole run; the engine alone is tried on the same records in every run
IDENTITY_TABLES = (
    "customer_identities", "identity_review_queue", "identity_shared_identifiers", "identity_changes",
    "customer_golden_fields", "bridge_household_member", "dim_household",
)  # fmt: skip


@pytest.fixture(scope="module")
def febrl3(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("febrl3")
    drop_example("febrl3", data_dir)
    workspace = Workspace(data_dir, CUSTINT_SOURCES="files")
    workspace.run_well()
    return workspace


def personal_values(workspace: Workspace) -> set[str]:
    """Full names, addresses of letters and of mail, and numbers, as the parties have them."""
    values = workspace.warehouse(
        "select distinct unnest([name, email, phone, address_line]) from silver.parties"
    )
    return {value.lower() for (value,) in values if value and len(value) > 4 and not value.isalpha()}


def text_of_identity_tables(workspace: Workspace) -> str:
    texts: set[str] = set()
    for table in IDENTITY_TABLES:
        for row in workspace.query(f"select * from gold.{table}"):
            texts |= {value.lower() for value in row if isinstance(value, str)}
    return "\n".join(sorted(texts))


def test_febrl3_joins_the_records_of_a_person_and_keeps_persons_apart(febrl3):
    precision, recall = pairwise_precision_and_recall(
        febrl3,
        "select customer_id as found, split_part(source_ref, '-', 2) as truth from gold.customer_identities"
        " where system = 'files' and object = 'customers'",
    )
    assert precision >= 0.98
    assert recall >= 0.93


def test_febrl3_loses_no_record(febrl3):
    assert febrl3.query("select count(*) from gold.customer_identities") == [(5000,)]
    assert febrl3.query("select sum(source_record_count) from gold.dim_customer") == [(5000,)]


def test_febrl3_says_why_and_with_which_chance_records_were_joined(febrl3):
    rows = febrl3.query(
        "select match_kind, min(match_probability), count(*) filter (evidence is null)"
        " from gold.customer_identities group by 1"
    )
    assert all(probability >= 0.5 and not unexplained for _, probability, unexplained in rows)
    assert {"only_record"} < {kind for kind, *_ in rows}


def test_febrl3_leaves_no_personal_data_in_the_identity_tables(febrl3):
    text = text_of_identity_tables(febrl3)
    assert not E_MAIL.search(text)
    assert not [value for value in personal_values(febrl3) if value in text]
