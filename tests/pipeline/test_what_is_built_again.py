"""Cost follows what is new: a run builds the tables whose rows may differ, and ends in the rows of a full refresh.

One company of a few customers, run after run: sales, two customers who turn out to be one, another day, nothing.
"""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from workspace import Workspace

from dagster_project.contracts import gold_tables

DAY, NEXT_DAY = "2026-09-29", "2026-09-30"
CUSTOMERS = """customer_ref,name,kind,email,created_at
c1,Anna Able,person,anna@able.example,2024-05-01
c2,Ben Baker,person,ben@baker.example,2024-06-01
c3,{third},person,{mail},2024-07-01
"""
SALES = """transaction_ref,customer_ref,occurred_at,amount
t1,c1,2026-01-10,10.00
t2,c2,2026-02-10,20.00
t3,c3,2026-03-10,30.00
"""
TICKETS = """ticket_ref,customer_ref,opened_at,subject
k1,c1,2026-09-29T10:00:00Z,It is broken
k2,c2,2026-09-30T10:00:00Z,Thank you
"""
ARRIVALS = [
    ("all", DAY, {
        "customers.csv": CUSTOMERS.format(third="Cora Clay", mail="cora@clay.example"),
        "transactions.csv": SALES, "tickets.csv": TICKETS,
    }),
    ("one person buys again", DAY, {
        "customers.csv": CUSTOMERS.format(third="Anna Able", mail="anna@able.example"),
        "transactions.csv": SALES + "t4,c1,2026-09-01,40.00\n",
    }),
    ("another day", NEXT_DAY, {}),
    ("nothing", NEXT_DAY, {}),
]  # fmt: skip
RUNS = """
import json, os, sys
from pathlib import Path
import dagster as dg
from dagster_project.defs.daily_run import run_daily
from dagster_project.settings import settings
inbox = settings().inbox_dir
inbox.mkdir(parents=True, exist_ok=True)
told = {}
for name, day, files in json.loads(sys.argv[1]):
    for file, text in files.items():
        (inbox / file).write_text(text)
    os.environ["CUSTINT_AS_OF_DATE"] = day
    settings.cache_clear()
    done = run_daily(lambda *causes: None)
    assert not done.causes, done.causes
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_records(limit=1)[0].dagster_run.run_id
        events = [e.event_specific_data.materialization for e in (r.event_log_entry.dagster_event for r in
            instance.get_records_for_run(run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records)]
        checks = [r.event_log_entry.dagster_event.event_specific_data for r in
            instance.get_records_for_run(run, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records]
        told[name] = {
            "built": ["/".join(m.asset_key.path) for m in events if "built_anew" not in m.metadata],
            "kept": ["/".join(m.asset_key.path) for m in events if "built_anew" in m.metadata],
            "checks": {"/".join(c.asset_key.path) + " " + c.check_name: c.passed for c in checks},
        }
Path(sys.argv[2]).write_text(json.dumps(told))
"""
DAILY = {name for name, table in gold_tables().items() if "as_of_date" in table.grain}
NO_ROWS_OF_DATA = {"processed_loads", "table_versions", "step_inputs", "identity_changes"}
"""What remembers the runs themselves differs between many runs and one."""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What each run says, and the warehouses of all of them and of one run over the same landing zone."""
    folder = tmp_path_factory.mktemp("again")
    workspace = Workspace(folder / "data", CUSTINT_SOURCES="files")
    told = folder / "told.json"
    done = workspace.python("-c", RUNS, json.dumps(ARRIVALS), str(told))
    assert done.returncode == 0, done.stderr
    whole = Workspace(folder / "whole", CUSTINT_SOURCES="files")
    shutil.copytree(workspace.data_dir / "inbox", whole.data_dir / "inbox")
    shutil.copytree(workspace.data_dir / "landing", whole.data_dir / "landing")
    whole.run_well(CUSTINT_AS_OF_DATE=NEXT_DAY)
    return {"told": json.loads(told.read_text()), "runs": workspace.data_dir, "whole": whole.data_dir}


def tables(data_dir: Path) -> set[str]:
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('silver', 'gold')"
        ).fetchall()
    return {name for (name,) in found if name.split(".")[1] not in NO_ROWS_OF_DATA}


def test_many_runs_end_in_the_rows_of_one(story):
    """Row by row, both ways, in every table of silver and gold; of daily tables the last day."""
    names = tables(story["runs"])
    assert names == tables(story["whole"])
    assert len(names) > 100
    with duckdb.connect() as connection:
        connection.execute(f"attach '{story['runs'] / 'warehouse.duckdb'}' as runs (read_only)")
        connection.execute(f"attach '{story['whole'] / 'warehouse.duckdb'}' as whole (read_only)")
        for name in sorted(names):
            for one, other in (("runs", "whole"), ("whole", "runs")):
                days = f"where as_of_date = '{NEXT_DAY}'" if name.removeprefix("gold.") in DAILY else ""
                query = f"from {one}.{name} {days} except all from {other}.{name} {days}"
                surplus = connection.execute(query).fetchall()
                assert surplus == [], f"{name}: only in {one}"


@pytest.mark.parametrize(
    ("run", "built", "kept"),
    [
        ("all", ["bronze/files__tickets", "silver/tickets", "gold/fct_tickets", "gold/dim_customer"], []),
        (
            "one person buys again",
            ["gold/dim_customer", "gold/fct_transactions", "gold/fct_tickets"],
            ["bronze/files__tickets", "gold/dim_lifecycle_stage"],
        ),
        (
            "another day",
            ["gold/fct_tickets", "gold/data_intake"],
            ["bronze/files__tickets", "silver/customers"],
        ),
        (
            "nothing",
            ["gold/customer_features"],
            ["bronze/files__tickets", "gold/fct_tickets", "gold/data_intake"],
        ),
    ],
)
def test_a_run_builds_what_may_differ_and_keeps_the_rest(story, run, built, kept):
    told = story["told"][run]
    assert set(built) <= set(told["built"])
    assert set(kept) <= set(told["kept"])


def test_with_nothing_new_dbt_builds_the_tables_of_the_day_alone(story):
    by_dbt = {
        name for name in story["told"]["all"]["built"] if name.split("/")[0] in ("bronze", "silver", "gold")
    }
    again = by_dbt & set(story["told"]["nothing"]["built"])
    assert len(by_dbt) > 150
    assert {name for name in again if name.startswith("bronze/")} == set()
    assert len(again) < 25


def test_every_run_says_of_every_table_whether_its_contract_holds(story):
    """Also of tables that stay: steps that wait for a check would begin without its answer."""
    contracts = [
        {name: passed for name, passed in told["checks"].items() if "contract" in name}
        for told in story["told"].values()
    ]
    assert len(contracts[0]) > 100
    assert all(told == dict.fromkeys(contracts[0], True) for told in contracts)
