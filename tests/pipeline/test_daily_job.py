"""The whole graph on a sample company of 200 customers: runs, reruns, the next day, and a day run again."""

import json
import re
from base64 import b64decode

import dagster as dg
import duckdb
import pytest
from dbt_in_process import run_dbt
from join_plans import costly_joins
from personal_values import landed_personal_values, texts
from planted_truth import compared_households, compared_recurring_revenue
from workspace import PROJECT, Workspace, pairwise_precision_and_recall

from benchmarks import daily_job
from dagster_project.contracts import gold_tables, landing_objects

DAY, NEXT_DAY = "2026-09-28", "2026-09-29"
DAILY_TABLES = [
    "customer_features", "activity_features", "customer_rfm", "clv_model_contest", "customer_clv",
    "clv_model_parameters", "customer_next_purchase", "customer_activity", "customer_health", "customer_churn",
    "churn_explanations", "churn_model_metrics", "churn_calibration", "incentive_effects", "customer_incentives",
    "customer_360",
]  # fmt: skip


def rows_of_day(workspace: Workspace, day: str) -> dict[str, list[tuple]]:
    return {
        table: workspace.query(f"select * from gold.{table} where as_of_date = '{day}' order by all")
        for table in DAILY_TABLES
    }


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """Three runs of one company: a day, the next day, and the first day once more."""
    workspace = Workspace(tmp_path_factory.mktemp("company"), CUSTINT_SAMPLE_CUSTOMERS="200")
    story = {"workspace": workspace, "printed": workspace.run_well(CUSTINT_AS_OF_DATE=DAY)}
    story["day"] = rows_of_day(workspace, DAY)
    steps, models = daily_job.job_events(workspace.data_dir)
    story["jobs"] = [daily_job.Job(60.0, 1000.0, steps, models)]
    story["floor"] = daily_job.run_floor(workspace.data_dir, 200, DAY)
    workspace.run_well(CUSTINT_AS_OF_DATE=NEXT_DAY, CUSTINT_PUBLISH_CONTACTS="true")
    story["contacts"] = workspace.contacts("select kind, name, email from customers")
    story["mode"] = (workspace.published / "contacts.duckdb").stat().st_mode
    story["next"] = json.loads((workspace.published / "manifest.json").read_text())
    story["jobs"].append(daily_job.Job(50.0, 1000.0, *daily_job.job_events(workspace.data_dir)))
    workspace.run_well(CUSTINT_AS_OF_DATE=DAY)
    story["jobs"].append(daily_job.Job(20.0, 1000.0, *daily_job.job_events(workspace.data_dir)))
    story["again"] = json.loads((workspace.published / "manifest.json").read_text())
    return story


def test_the_benchmark_measures_every_step_model_and_estimator_of_a_run(story):
    """The floor makes each table with the rows of the job."""
    job, floor = story["jobs"][0], story["floor"]
    assert {"dbt_bronze", "dbt_silver_and_gold", "customer_churn"} <= {step["name"] for step in job.steps}
    assert all(step["seconds"] > 0 for step in job.steps)
    rows = {cost["name"]: cost["rows"] for cost in floor["models"]}
    facts = [name for name in rows if name.startswith("gold.fct_")]
    assert len(facts) > 10
    assert {name: rows[name] for name in facts} == {name: job.models[name]["rows"] for name in facts}
    assert {cost["name"] for cost in floor["estimators"]} >= {
        "identities",
        "customer_churn",
        "customer_incentives",
    }
    printed = "\n".join(daily_job.report(200, job, floor))
    assert all(
        name in printed for name in ("dbt_silver_and_gold", "gold.fct_transactions", "identities", "ratio")
    )


def test_the_benchmark_shows_what_the_next_day_and_a_day_run_again_cost(story):
    """With nothing new the tables of the day alone are built."""
    printed = "\n".join(daily_job.later_runs(daily_job.Measured(200, *story["jobs"], story["floor"])))
    assert "dbt_silver_and_gold" in printed
    assert printed.split()[-3:] == ["100%", "83%", "33%"]
    built = [{name for name in job.models if name.startswith(("bronze", "silver"))} for job in story["jobs"]]
    assert len(built[0]) > 80
    assert {"bronze.product__events", "silver.tickets"} <= built[1] < built[0]
    assert built[2] == set()


def test_running_a_day_again_changes_nothing_at_all(story):
    """Not one byte of any published table, the day that came after it included."""
    assert story["again"]["tables"] == story["next"]["tables"]
    assert story["again"]["run_id"] != story["next"]["run_id"]


def test_a_day_run_with_later_data_at_hand_is_what_it_was_without(story):
    """The landing zone holds the next day by now: scores that looked ahead would differ."""
    for table, rows in rows_of_day(story["workspace"], DAY).items():
        assert rows == story["day"][table], f"{table} of {DAY} changed"


def test_an_ordinary_day_the_next_one_and_a_day_run_again_raise_no_alarm(story):
    """Each stage of each day was judged, and nothing was found."""
    judged = sorted((story["workspace"].data_dir / "quality").glob("*/*.json"))
    assert [f"{path.parent.name} {path.stem}" for path in judged] == [
        f"{day} {stage}" for day in (DAY, NEXT_DAY) for stage in ("gold", "intake", "scores")
    ]
    for path in judged:
        found = json.loads(path.read_text())
        assert (found["blocking"], found["warnings"]) == ([], []), path


def test_every_column_of_gold_has_its_lineage_recorded_and_all_that_it_names_is_there(story):
    there = story["workspace"].warehouse(
        "select schema_name, table_name, column_name from duckdb_columns() where database_name = current_database()"
    )
    with dg.DagsterInstance.from_config(str(story["workspace"].data_dir / "dagster_home")) as instance:
        for table in gold_tables().values():
            event = instance.get_latest_materialization_event(dg.AssetKey(["gold", table.name]))
            metadata = event.asset_materialization.metadata
            lineage = metadata["dagster/column_lineage"].value.deps_by_column
            assert set(lineage) == {column.name for column in table.columns}, table.name
            assert len(metadata["made_of"].value.splitlines()) == 2 + len(lineage), table.name
            named = {(*dep.asset_key.path, dep.column_name) for deps in lineage.values() for dep in deps}
            assert named <= set(there), table.name


def test_the_next_day_adds_one_day(story):
    for table in ("customer_rfm", "customer_health", "customer_360"):
        days = story["workspace"].query(
            f"select as_of_date::text, count(*) from gold.{table} group by 1 order by 1"
        )
        assert [day for day, _ in days] == [DAY, NEXT_DAY]
        assert story["next"]["tables"][table]["rows"] == sum(count for _, count in days)


def test_the_published_file_has_every_contracted_table_and_nothing_else(story):
    names = {name for (name,) in story["workspace"].query("select table_name from duckdb_tables()")}
    schemas = {
        name for (name,) in story["workspace"].query("select distinct schema_name from duckdb_tables()")
    }
    assert names == set(gold_tables())
    assert schemas == {"gold"}


@pytest.fixture(scope="module")
def personal_values(story):
    """Every e-mail address, phone, name of a person and street that landed."""
    return landed_personal_values(story["workspace"].data_dir / "landing")


def test_no_published_file_holds_an_e_mail_a_phone_a_name_of_a_person_or_a_street(story, personal_values):
    """Searched in every text of every table, as DuckDB and as Parquet; names of staff who own accounts stay."""
    published = story["workspace"].published
    assert len(personal_values) > 1000
    with duckdb.connect(str(published / "customer_intelligence.duckdb"), read_only=True) as connection:
        whole = "\n".join(texts(connection, f"gold.{name}") for name in gold_tables())
    with duckdb.connect() as connection:
        whole += "\n".join(
            texts(connection, f"'{path}'") for path in (published / "parquet").glob("*.parquet")
        )
    assert {value for value in personal_values if value in whole} == set()
    for table, column in (("dim_customer", "birth_date"), ("customer_360", "email")):
        assert story["workspace"].query(f"select count({column}) from gold.{table}") == [(0,)]


def test_organizations_are_published_by_name_and_persons_are_not(story):
    assert story["workspace"].query(
        "select kind, count(name) * 10 > count(*) * 9 from gold.dim_customer group by kind order by kind"
    ) == [("organization", True), ("person", False)]


def test_the_search_finds_what_the_warehouse_holds(story, personal_values):
    with duckdb.connect(str(story["workspace"].data_dir / "warehouse.duckdb"), read_only=True) as connection:
        whole = texts(connection, "gold.dim_customer")
    assert len([value for value in personal_values if value in whole]) > 200


def test_contacts_are_published_when_asked_for_in_a_file_for_one_user_and_removed_afterwards(story):
    assert {kind for kind, name, email in story["contacts"] if name and email} == {"organization", "person"}
    assert story["mode"] & 0o777 == 0o600
    assert list(story["workspace"].data_dir.rglob("contacts.duckdb")) == []


FIRST_HOUR = re.findall(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?```sql\n(.*?)```",
    (PROJECT / "docs" / "first_hour.md").read_text(encoding="utf-8"),
    re.DOTALL | re.MULTILINE,
)


def test_the_page_of_the_first_hour_has_ten_questions_each_with_one_query():
    page = (PROJECT / "docs" / "first_hour.md").read_text(encoding="utf-8")
    assert len(FIRST_HOUR) == page.count("\n## ") == page.count("```sql") == 10


@pytest.mark.parametrize("query", [query for _, query in FIRST_HOUR], ids=[title for title, _ in FIRST_HOUR])
def test_a_question_of_the_first_hour_is_answered_by_the_published_file(story, query):
    rows = story["workspace"].query(query)
    assert rows
    assert any(value is not None for row in rows for value in row[1:])


def test_the_latest_customer_360_is_the_newest_day_though_an_older_one_ran_last(story):
    latest = story["workspace"].query(
        "select as_of_date::text, count(*) from gold.customer_360_latest group by 1"
    )
    newest = story["workspace"].query(
        f"select as_of_date::text, count(*) from gold.customer_360 where as_of_date = '{NEXT_DAY}' group by 1"
    )
    assert latest == newest


def test_customers_left_for_reasons_and_first_replies_differ(story):
    """The planted reasons of those who left, and desks with business hours, arrive in gold."""
    reasons = dict(
        story["workspace"].query(
            "select churn_reason, count(*) from gold.fct_mrr_movements where movement_kind = 'churn' group by 1"
        )
    )
    assert {"too_expensive", "unused", "customer_service", "payment_failed"} <= reasons.keys()
    ((replies, constant, in_target),) = story["workspace"].query(
        "select count(*), count(*) filter (where first_reply_business_minutes = 0), avg(is_first_reply_in_target::int)"
        " from gold.fct_tickets where first_reply_at is not null"
    )
    assert constant < 0.02 * replies
    assert 0.8 < in_target < 0.99


def test_every_snapshot_has_each_customer_once(story):
    scores = ("rfm", "clv", "next_purchase", "activity", "health", "churn", "incentives")
    for table in (f"customer_{name}" for name in scores):
        differing = story["workspace"].query(
            f"""select count(*) from gold.customer_features full join gold.{table} using (customer_id, as_of_date)
            where customer_features.kind is null or {table}.status is null"""
        )
        assert differing == [(0,)], table


def test_spend_ties_out_to_the_transactions_to_the_cent(story):
    (spend,) = story["workspace"].query(
        f"select sum(spend_amount) from gold.customer_rfm where as_of_date = '{DAY}'"
    )
    (facts,) = story["workspace"].query(
        f"select sum(net_spend_amount) from gold.fct_transactions where paid_at < date '{DAY}' + 1"
    )
    assert spend == facts
    assert spend[0] > 0


def test_stripe_invoices_tie_out_to_the_landing_files_to_the_cent(story):
    """Straight from the landed JSON, without any of the project's SQL."""
    landing = story["workspace"].data_dir / "landing" / "stripe" / "invoices" / "*.parquet"
    newest = f"""
        select distinct on (id) id, status, total, currency from read_parquet('{landing}', union_by_name = true)
        where id not like '%broken' order by id, event_created desc"""
    (landed,) = duckdb.sql(
        f"select sum(total) * 0.01 from ({newest}) where status = 'paid' and currency = 'usd'"
    ).fetchall()
    (facts,) = story["workspace"].query(
        "select sum(original_amount) from gold.fct_transactions"
        " where kind = 'invoice' and status = 'paid' and currency = 'USD'"
    )
    assert float(landed[0]) == pytest.approx(float(facts[0]), abs=0.001)


def test_rows_in_are_rows_kept_plus_rows_quarantined_for_every_object(story):
    intake = story["workspace"].query(
        "select system || '.' || object, landed_row_count, kept_row_count, quarantined_row_count from gold.data_intake"
    )
    assert len(intake) == len(landing_objects())
    assert all(landed == kept + quarantined for _, landed, kept, quarantined in intake)
    assert sum(quarantined for *_, quarantined in intake) > 0, "the company plants broken rows"


def test_a_quarantine_row_says_file_line_column_and_reason(story):
    rows = story["workspace"].warehouse("select * from quarantine.stripe__invoices")
    assert rows
    for source_file, source_line, column_name, reason, _ in rows:
        assert source_file.startswith("stripe/invoices/")
        assert source_line >= 1
        assert reason.startswith(f"{column_name}: ")


def test_the_truth_of_the_sample_company_is_out_of_the_pipelines_sight(story):
    truth = story["workspace"].data_dir / "sample_truth"
    assert {path.stem for path in truth.glob("*.parquet")} == {
        "customers",
        "hazards",
        "identities",
        "mrr_monthly",
        "offer_effects",
    }
    read = {
        path for path in (PROJECT / "dagster_project").rglob("*.py") if "sample_truth" in path.read_text()
    }
    assert {path.name for path in read} <= {"settings.py", "ingest.py"}
    assert not [path for path in (PROJECT / "dbt").rglob("*.sql") if "sample_truth" in path.read_text()]


def test_identities_match_the_planted_truth(story):
    workspace = story["workspace"]
    truth = workspace.data_dir / "sample_truth" / "identities.parquet"
    precision, recall = pairwise_precision_and_recall(
        workspace,
        f"""select customer_id as found, true_customer_ref as truth
        from gold.customer_identities
        inner join '{truth}' using (system, object, source_ref)""",
    )
    assert precision >= 0.99
    assert recall >= 0.95


def test_the_run_prints_steps_the_customers_most_worth_saving_and_what_to_do_next(story):
    printed = story["printed"]
    for words in (
        "dbt_bronze",
        "customer_churn",
        "done",
        "Published gold",
        "customer_360",
        "make ui",
        "Published:",
    ):
        assert words in printed


def test_a_data_folder_of_another_company_is_refused_in_one_line(story):
    done = story["workspace"].run(CUSTINT_SOURCES="files")
    assert done.returncode == 2
    assert "CUSTINT_SOURCES" in done.stderr
    assert "make clean" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_another_company_size_is_refused_with_what_to_do(story):
    done = story["workspace"].run(CUSTINT_SAMPLE_CUSTOMERS="300")
    assert done.returncode == 1
    assert "CUSTINT_SAMPLE_CUSTOMERS" in done.stderr
    assert "Traceback" not in done.stderr


def test_persons_are_known_across_systems(story):
    workspace = story["workspace"]
    truth = workspace.data_dir / "sample_truth" / "identities.parquet"
    precision, recall = pairwise_precision_and_recall(
        workspace,
        f"""select person_id as found, true_person_ref as truth
        from gold.customer_identities
        inner join '{truth}' using (system, object, source_ref)
        where person_id is not null and true_person_ref is not null""",
    )
    assert precision >= 0.98
    assert recall >= 0.95


@pytest.fixture(scope="module")
def pages(story):
    """Every notebook, run on what the story published, as the page that a reader opens."""
    done = story["workspace"].python("notebooks/pages.py")
    assert done.returncode == 0, done.stderr
    written = {
        path.stem: path.read_text() for path in (story["workspace"].data_dir / "notebooks").glob("*.html")
    }
    assert set(written) == {path.stem for path in (PROJECT / "notebooks").glob("*.ipynb")}
    return written


def test_a_notebook_page_has_its_pictures_and_its_tables(pages):
    for name, page in pages.items():
        assert len(drawn_in(page)) >= 5, name
        assert all("</text>" in picture for picture in drawn_in(page)), name
        assert page.count("<table") >= 2, name


def test_a_notebook_page_needs_nothing_from_anywhere(pages):
    """Notes in a style sheet and names of the SVG standard are addresses that nobody asks."""
    for name, page in pages.items():
        text = "".join([re.sub(r"/\*.*?\*/", "", page, flags=re.DOTALL), *drawn_in(page)])
        asked = re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]*)|\burl\(\s*["']?([^"')]*)""", text)
        assert {address for pair in asked for address in pair if not address.startswith(("data:", "#"))} == {
            ""
        }, name
        assert "@import" not in text
        assert set(re.findall(r"""[a-z]*://[^\s"'<]*""", text)) == {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1999/xlink",
        }, name


def drawn_in(page: str) -> list[str]:
    """The pictures of a page, as SVG."""
    return [
        b64decode(picture).decode()
        for picture in re.findall(r"<img[^>]* src=\"data:image/svg\+xml;base64,([^\"]+)", page)
    ]


@pytest.fixture(scope="module")
def compiled(story):
    """The SQL of every model and test, as a first run executes it and as every later one does."""
    data_dir = story["workspace"].data_dir
    return {
        f"{name} ({kind})": result.node.compiled_code
        for kind, flags in {"first run": ["--full-refresh"], "later run": []}.items()
        for result in run_dbt(data_dir, "compile", *flags, CUSTINT_RUN_AS_OF_DATE=DAY).results
        for name in [result.node.name]
        if result.node.resource_type in ("model", "test")
    }


@pytest.fixture
def planner(story):
    """The warehouse, to ask it how it would execute a query; no landing file is chosen, as in a run without news."""
    with duckdb.connect(str(story["workspace"].data_dir / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name in landing_objects():
            connection.execute(f"set variable {name}_files = []::varchar[]; set variable {name}_load = 1")
        yield connection


def test_no_model_and_no_test_compares_every_row_with_every_row(compiled, planner):
    costly = {name: costly_joins(planner, query) for name, query in compiled.items()}
    assert len(costly) > 500
    assert {name: joins for name, joins in costly.items() if joins} == {}


@pytest.mark.parametrize(
    ("model", "comparison"),
    [
        ("revenue_differences", "months.closes_at <= periods.valid_to"),
        ("revenue_differences", "months.closes_at <= terms.effective_to"),
        ("customer_feature_snapshots", "horizons.horizon_end <= versions.valid_to"),
        ("customer_field_values", "moments_of_change.changed_at < competing_values.valid_to"),
        ("subscription_bills", "recurring_lines.earliest_at < terms.in_force_to"),
        ("customer_versions", "moments_of_change.changed_at < held.valid_to"),
    ],
)
def test_an_end_that_may_be_empty_is_found_in_the_plan(compiled, planner, model, comparison):
    """The five joins that once took most of a run, put back."""
    query = compiled[f"{model} (later run)"]
    assert query.count(comparison) == 1
    assert costly_joins(planner, query.replace(comparison, f"coalesce({comparison}, true)"))


def test_recurring_revenue_is_the_planted_one_to_the_cent(story):
    compared, differing = compared_recurring_revenue(story["workspace"])
    assert compared > 1000
    assert differing == 0


def test_what_was_billed_is_explained_to_the_cent_in_every_month(story):
    months, billed, unexplained = story["workspace"].query(
        """select
            count(distinct month_start_date),
            sum(statement_amount) filter (line_item = 'billed' and statement_name = 'settlement'),
            sum(abs(statement_amount)) filter (line_item = 'unexplained')
        from gold.revenue_reconciliation"""
    )[0]
    assert months >= 24
    assert billed > 0
    assert unexplained == 0


def test_the_golden_cases_of_revenue_and_billing_hold(story):
    """dbt's own unit tests; they need the columns of tables that a run has built."""
    results = run_dbt(story["workspace"].data_dir, "test", "--select", "test_type:unit")
    cases = [result for result in results if result.node.unique_id.startswith("unit_test.")]
    assert len(cases) >= 100
    assert {case.status for case in cases} == {"pass"}


def test_families_and_groups_of_companies_are_the_planted_ones(story):
    planted, found, both = compared_households(story["workspace"])
    assert planted > 0
    assert both >= 0.9 * planted
    assert both >= 0.9 * found
