"""The graph as the Dagster UI shows it: every asset described, grouped, owned; one job, one schedule."""

import datetime as dt
import multiprocessing

import dagster as dg
import pytest

from dagster_project.contracts import gold_tables, landing_objects
from dagster_project.defs import resources, schedules
from dagster_project.settings import load_settings


@pytest.fixture(scope="module")
def repository():
    from dagster_project.definitions import defs

    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    return loaded.get_repository_def()


def test_every_asset_has_a_description_a_group_and_an_owner(repository):
    for node in repository.asset_graph.asset_nodes:
        assert node.description, node.key
        assert node.group_name in ("landing", "bronze", "silver", "gold", "published"), node.key
        assert node.owners, node.key


def test_the_first_part_of_a_key_is_the_layer(repository):
    for node in repository.asset_graph.asset_nodes:
        assert node.key.path[0] == node.group_name, node.key


def test_every_landing_object_and_every_gold_table_is_an_asset(repository):
    keys = {tuple(node.key.path) for node in repository.asset_graph.asset_nodes}
    assert {("landing", name) for name in landing_objects()} <= keys
    assert {("bronze", name) for name in landing_objects()} <= keys
    assert {("gold", name) for name in gold_tables()} <= keys


def test_every_gold_table_has_a_blocking_check_and_is_published(repository):
    graph = repository.asset_graph
    published = graph.get(dg.AssetKey(["published", "customer_intelligence"]))
    for name in gold_tables():
        key = dg.AssetKey(["gold", name])
        assert key in published.parent_keys
        checks = graph.get_check_keys_for_assets({key})
        if gold_tables()[name].is_written_by_python:
            assert any(graph.get(check).blocking for check in checks), name


def test_gold_that_python_writes_says_what_each_column_is_made_of_and_reads_it(repository):
    for table in (table for table in gold_tables().values() if table.is_written_by_python):
        node = repository.asset_graph.get(dg.AssetKey(["gold", table.name]))
        lineage = node.metadata["dagster/column_lineage"].deps_by_column
        assert list(lineage) == [column.name for column in table.columns]
        read = {source.asset_key for sources in lineage.values() for source in sources}
        assert read, table.name
        assert read <= node.parent_keys, table.name
        in_words = node.metadata["made_of"].value.splitlines()
        assert len(in_words) == 2 + len(table.columns)
        if table.name == "customer_rfm":
            assert (
                "| f_score | gold.customer_features: days_since_last_purchase, purchase_count |" in in_words
            )


def test_daily_tables_are_partitioned_by_day_and_shaped_tables_are_not(repository):
    for node in repository.asset_graph.asset_nodes:
        table = gold_tables().get(node.key.path[-1])
        if node.key.path[0] != "gold" or table is None:
            continue
        # The latest day is made with its day, though it is no part of its key.
        is_daily = "as_of_date" in {column.name for column in table.columns}
        assert node.is_partitioned == is_daily, node.key


def test_nothing_in_the_graph_is_disconnected(repository):
    graph = repository.asset_graph
    for node in graph.asset_nodes:
        assert node.parent_keys or node.child_keys, node.key


def test_there_is_one_job_and_it_runs_every_night(repository):
    assert repository.has_job("daily")
    (schedule,) = repository.schedule_defs
    assert schedule.cron_schedule == "0 2 * * *"
    assert schedule.job.name == "daily"


@pytest.mark.parametrize(
    ("variables", "day"),
    [
        ({"CUSTINT_SOURCES": "files"}, "2026-11-29"),
        ({}, "2026-09-30"),
        ({"CUSTINT_AS_OF_DATE": "2026-10-15"}, "2026-10-15"),
    ],
)
def test_a_night_runs_the_day_before_and_of_the_sample_company_its_last(
    repository, variables: dict[str, str], day: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(schedules, "settings", load_settings)
    night = dt.datetime(2026, 11, 30, 2, tzinfo=dt.UTC)
    with dg.build_schedule_context(scheduled_execution_time=night) as context:
        (asked,) = repository.get_schedule_def("every_night").evaluate_tick(context).run_requests
    assert (asked.run_key, asked.tags["dagster/partition"]) == (day, day)


def test_no_layer_reads_a_later_one(repository):
    order = {"landing": 0, "bronze": 1, "silver": 2, "gold": 3, "published": 4}
    for node in repository.asset_graph.asset_nodes:
        for parent in node.parent_keys:
            assert order[parent.path[0]] <= order[node.key.path[0]], f"{node.key} reads {parent}"


@pytest.mark.parametrize(
    ("job", "inside", "outside"),
    [
        ("ingest", "landing/stripe__charges", "bronze/stripe__charges"),
        ("scores", "gold/customer_churn", "gold/fct_tickets"),
        ("scores", "gold/customer_360", "landing/stripe__charges"),
        ("publish", "published/customer_intelligence", "gold/customer_360"),
    ],
)
def test_a_part_of_the_daily_job_makes_its_part_alone(repository, job: str, inside: str, outside: str):
    made = {key.to_user_string() for key in repository.get_job(job).asset_layer.executable_asset_keys}
    assert inside in made
    assert outside not in made


def test_the_days_that_are_expected_are_those_of_a_perfect_run(repository):
    node = repository.asset_graph.get(dg.AssetKey(["gold", "customer_churn"]))
    assert node.partitions_def.get_partition_keys() == ["2026-09-30"]


def test_a_process_that_works_for_a_run_takes_whatever_day_the_run_is_for():
    """Dagster's code server starts one for each run; the UI may know the day only after it has loaded again."""
    assert resources._days().get_partition_keys() == ["2026-09-30"]
    with multiprocessing.get_context("spawn").Pool(1) as started:
        keys = started.apply(resources._days).get_partition_keys()
    assert {"2024-10-01", "2025-06-30", "2026-10-15"} <= set(keys)


def test_all_of_gold_says_when_it_is_late(repository):
    gold = [node for node in repository.asset_graph.asset_nodes if node.key.path[0] in ("gold", "published")]
    assert gold
    assert [node.key for node in gold if node.freshness_policy is None] == []
