"""Who is who through the whole pipeline: on third-party records of known truth, and after a person's decision."""

import re

import pytest
from workspace import Workspace, drop_example, pairwise_precision_and_recall

E_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
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


# A mother and her daughter of one name share a mailbox: one person for the rules, two for who knows them.
CUSTOMERS = """customer_ref,name,kind,email,country,created_at
a-1,Ann Archer,person,box@letters.example,GB,2025-01-01
b-2,Ann Archer,person,box@letters.example,GB,2025-02-01
c-3,Cleo Carter,person,cleo@carter.example,GB,2025-03-01
"""
TRANSACTIONS = """transaction_ref,customer_ref,occurred_at,amount,currency,status,kind
t-1,a-1,2025-04-01,10.10,USD,paid,order
t-2,b-2,2025-04-02,20.20,USD,paid,order
t-3,b-2,2025-05-02,5.05,USD,paid,order
t-4,c-3,2025-05-03,1.01,USD,paid,order
"""
NOT_THE_SAME = """rule,left_system,left_object,left_ref,right_system,right_object,right_ref,note
never_match,files,customers,a-1,files,customers,b-2,mother and daughter
"""
SPEND_PER_CUSTOMER = """
    select string_agg(distinct identities.source_ref, ' ' order by identities.source_ref), facts.amount::text
    from (select customer_id, sum(net_spend_amount) as amount from gold.fct_transactions group by 1) as facts
    inner join gold.customer_identities as identities using (customer_id)
    group by customer_id, facts.amount order by 1
"""


@pytest.fixture(scope="module")
def decision(tmp_path_factory):
    """Two runs: as the rules see it, and after a person has said that two records are two people."""
    workspace = Workspace(tmp_path_factory.mktemp("decision"), CUSTINT_SOURCES="files")
    inbox = workspace.data_dir / "inbox"
    inbox.mkdir()
    (inbox / "customers.csv").write_text(CUSTOMERS)
    (inbox / "transactions.csv").write_text(TRANSACTIONS)
    workspace.run_well()
    before = workspace.query(SPEND_PER_CUSTOMER)
    ids_before = dict(workspace.query("select source_ref, customer_id from gold.customer_identities"))
    (workspace.data_dir / "identity_overrides.csv").write_text(NOT_THE_SAME)
    workspace.run_well()
    return {"workspace": workspace, "before": before, "ids_before": ids_before}


def test_a_decision_undoes_a_merge_and_both_profiles_come_back(decision):
    assert decision["before"] == [("a-1 b-2", "35.35"), ("c-3", "1.01")]
    names = decision["workspace"].query("select name, source_record_count from gold.dim_customer order by 1")
    assert names == [("Ann Archer", 1), ("Ann Archer", 1), ("Cleo Carter", 1)]


def test_after_a_decision_every_fact_follows_its_customer_and_the_sum_stays(decision):
    after = decision["workspace"].query(SPEND_PER_CUSTOMER)
    assert after == [("a-1", "10.10"), ("b-2", "25.25"), ("c-3", "1.01")]


def test_a_split_is_written_down_and_the_older_record_keeps_its_id(decision):
    workspace, ids_before = decision["workspace"], decision["ids_before"]
    ids = dict(workspace.query("select source_ref, customer_id from gold.customer_identities"))
    assert (ids["a-1"], ids["c-3"]) == (ids_before["a-1"], ids_before["c-3"])
    changes = workspace.query(
        "select change_kind, customer_id_before, customer_id_after, record_count from gold.identity_changes"
    )
    assert changes == [("split", ids["a-1"], ids["b-2"], 1)]


def test_a_mistake_in_the_decisions_stops_the_run_with_one_line_that_names_it(decision):
    workspace = decision["workspace"]
    overrides = workspace.data_dir / "identity_overrides.csv"
    overrides.write_text(NOT_THE_SAME.replace("never_match", "seldom_match"))
    failed = workspace.run()
    overrides.write_text(NOT_THE_SAME)
    assert failed.returncode != 0
    assert "identity_overrides.csv" in failed.stdout + failed.stderr
    assert "seldom_match" in failed.stdout + failed.stderr
