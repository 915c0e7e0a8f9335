"""Cost follows what is new: a run builds the tables whose rows may differ, and ends in the rows of a full refresh.

One company of a few customers, run after run: sales, two customers who turn out to be one, another day, nothing.
"""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from workspace import Workspace

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
import json, sys
from pathlib import Path
import dagster as dg
from dagster_project.defs import dbt, identity, ingest, satisfaction
from dagster_project.defs.resources import prepare_dagster_home
from dagster_project.settings import settings
prepare_dagster_home()
settings().inbox_dir.mkdir(parents=True, exist_ok=True)
told = {}
for name, day, files in json.loads(sys.argv[1]):
    for file, text in files.items():
        (settings().inbox_dir / file).write_text(text)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            [ingest.vendor_landing, ingest.file_drop_landing, dbt.dbt_bronze, identity.identities,
             satisfaction.ticket_sentiments, dbt.dbt_silver_and_gold],
            instance=instance, tags={"dagster/partition": day},
        )
    events = [event.step_materialization_data.materialization for event in done.get_asset_materialization_events()]
    told[name] = {
        "built": ["/".join(m.asset_key.path) for m in events if "built_anew" not in m.metadata],
        "kept": ["/".join(m.asset_key.path) for m in events if "built_anew" in m.metadata],
        "checks": {"/".join(c.asset_key.path) + " " + c.check_name: c.passed
                   for c in done.get_asset_check_evaluations()},
    }
Path(sys.argv[2]).write_text(json.dumps(told))
"""
NO_ROWS_OF_DATA = {"processed_loads", "table_versions", "step_inputs", "identity_changes"}
"""What remembers the runs themselves differs between many runs and one."""


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What each run says, and the warehouses of all of them and of one run over the same landing zone."""
    folder = tmp_path_factory.mktemp("again")
    runs, whole = (Workspace(folder / name, CUSTINT_SOURCES="files") for name in ("runs", "whole"))

    def run(workspace: Workspace, arrivals: list) -> dict:
        told = workspace.data_dir / "told.json"
        done = workspace.python("-c", RUNS, json.dumps(arrivals), str(told))
        assert done.returncode == 0, done.stderr
        return json.loads(told.read_text())

    told = run(runs, ARRIVALS)
    # Files that were replaced are gone from the inbox, and count no more; when they came is a part of the data.
    shutil.copytree(runs.data_dir / "landing", whole.data_dir / "landing")
    shutil.copytree(runs.data_dir / "inbox", whole.data_dir / "inbox")
    run(whole, [("all", NEXT_DAY, {})])
    return {"told": told, "runs": runs.data_dir, "whole": whole.data_dir}


def tables(data_dir: Path) -> set[str]:
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where schema_name in ('silver', 'gold')"
        ).fetchall()
    return {name for (name,) in found if name.split(".")[1] not in NO_ROWS_OF_DATA}


def test_many_runs_end_in_the_rows_of_one(story):
    """Row by row, both ways, in every table of silver and gold."""
    names = tables(story["runs"])
    assert names == tables(story["whole"])
    assert len(names) > 100
    with duckdb.connect() as connection:
        connection.execute(f"attach '{story['runs'] / 'warehouse.duckdb'}' as runs (read_only)")
        connection.execute(f"attach '{story['whole'] / 'warehouse.duckdb'}' as whole (read_only)")
        for name in sorted(names):
            for one, other in (("runs", "whole"), ("whole", "runs")):
                surplus = connection.execute(f"from {one}.{name} except all from {other}.{name}").fetchall()
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
            [],
            ["bronze/files__tickets", "gold/fct_tickets", "gold/data_intake"],
        ),
    ],
)
def test_a_run_builds_what_may_differ_and_keeps_the_rest(story, run, built, kept):
    told = story["told"][run]
    assert set(built) <= set(told["built"])
    assert set(kept) <= set(told["kept"])


def test_with_nothing_new_dbt_builds_nothing(story):
    layers = {name.split("/")[0] for name in story["told"]["nothing"]["built"]}
    assert len(story["told"]["nothing"]["kept"]) > 150
    assert layers == {"landing", "silver"}, "silver: who is who, and the tone of texts"


def test_every_run_says_of_every_table_whether_its_contract_holds(story):
    """Also of tables that stay: steps that wait for a check would begin without its answer."""
    contracts = [
        {name: passed for name, passed in told["checks"].items() if "contract" in name}
        for told in story["told"].values()
    ]
    assert len(contracts[0]) > 100
    assert all(told == dict.fromkeys(contracts[0], True) for told in contracts)
