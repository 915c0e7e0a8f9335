"""What the metric catalogue promises: every metric is published where it says, and the golden cases are there."""

import csv
from pathlib import Path

import pytest
import yaml

from dagster_project.contracts import gold_tables
from dagster_project.settings import DBT_DIR

with (DBT_DIR / "seeds" / "metric_catalogue.csv").open() as lines:
    METRICS = {row["metric_id"]: row for row in csv.DictReader(lines)}
REVENUE_MODELS = {
    "subscription_terms", "subscription_periods", "customer_mrr_monthly", "fct_mrr_movements", "revenue_monthly",
    "cohort_retention_monthly", "net_revenue_retention_monthly",
}  # fmt: skip


def golden_cases(folder: Path) -> list[dict[str, object]]:
    """The dbt unit tests of the revenue models."""
    documents = [yaml.safe_load(path.read_text()) for path in sorted(folder.rglob("*_unit_tests.yml"))]
    tests = [test for document in documents for test in document.get("unit_tests", [])]
    return [test for test in tests if test["model"] in REVENUE_MODELS]


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_a_metric_is_published_in_a_column_of_a_gold_contract(metric: dict[str, str]):
    table, _, column = metric["published_in"].partition(".")
    assert table in gold_tables()
    assert column in {entry.name for entry in gold_tables()[table].columns}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
def test_a_metric_leaves_nothing_undefined(metric: dict[str, str]):
    assert [name for name, text in metric.items() if not text.strip()] == []


def test_every_number_of_the_revenue_bridge_is_a_defined_metric_or_a_count():
    published = {metric["published_in"] for metric in METRICS.values()}
    numbers = [
        column.name for column in gold_tables()["revenue_monthly"].columns if column.unit not in ("", "count")
    ]
    assert [name for name in numbers if f"revenue_monthly.{name}" not in published] == []


def test_there_are_at_least_forty_golden_cases_each_told_in_words():
    cases = golden_cases(DBT_DIR / "models")
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names)
    assert len(names) >= 40
    assert {case["model"] for case in cases} == REVENUE_MODELS
    assert [case["name"] for case in cases if not case.get("description")] == []
