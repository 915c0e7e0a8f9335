"""The features that models learn from and score: every column against its description, on many days and on one."""

import math
import pprint
from collections import Counter
from typing import Any, NamedTuple

import pytest
from feature_cases import CASES, history_of
from feature_histories import DAYS, FIRST_DATE, LAST_DATE, History, random_histories
from feature_oracle import features, labels
from feature_warehouse import Features, FeatureWarehouse, Row

from dagster_project.contracts import read_tables
from dagster_project.settings import DBT_DIR

LABELS = ("is_churned", "label_known_date")


class Company(NamedTuple):
    """What the customers had, what the SQL makes of it and what it should."""

    histories: dict[str, History]
    warehouse: FeatureWarehouse
    snapshots: Features
    expected: Features


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Random customers and the cases side by side, and rows of somebody who is no customer."""
    histories = random_histories(500) | {name: history_of(case) for name, case in CASES.items()}
    warehouse = FeatureWarehouse(tmp_path_factory.mktemp("features"))
    strangers = {"nobody": {name: rows for name, rows in histories["c0001"].items() if name != "customers"}}
    warehouse.fill(histories | strangers, DAYS, first_date=FIRST_DATE, last_date=LAST_DATE)
    expected = {}
    for customer_id, history in histories.items():
        for day in DAYS:
            columns = features(history, day, FIRST_DATE)
            if columns is not None:
                key = {"customer_id": customer_id, "as_of_date": day}
                expected[customer_id, day] = key | columns | labels(history, day, LAST_DATE)
    return Company(histories, warehouse, warehouse.snapshots(), expected)


def differences(found: Row, wanted: Row) -> Row:
    """The columns of which something else was wanted, with what was found."""

    def is_same(left: Any, right: Any) -> bool:
        if isinstance(left, float) and isinstance(right, float):
            return math.isclose(left, right, abs_tol=1e-9)
        return left == right

    return {
        name: {"found": found[name], "wanted": value}
        for name, value in wanted.items()
        if not is_same(found[name], value)
    }


def test_every_column_of_random_histories_is_what_its_description_says(company: Company):
    assert company.snapshots.keys() == company.expected.keys()
    compared = ((key, differences(company.snapshots[key], row)) for key, row in company.expected.items())
    wrong = {key: columns for key, columns in compared if columns}
    if wrong:
        customer, day = min(wrong, key=lambda key: sum(map(len, company.histories[key[0]].values())))
        pytest.fail(
            f"rows with another value: {Counter(name for columns in wrong.values() for name in columns)}\n"
            f"the shortest history, on {day}: {pprint.pformat(wrong[customer, day])}\n"
            + pprint.pformat(company.histories[customer])
        )


@pytest.mark.parametrize("name", CASES)
def test_a_column_is_what_people_expect_of_it(company: Company, name: str):
    case = CASES[name]
    for source in (company.snapshots, company.expected):
        assert differences(source[name, case.day], case.columns) == {}


def test_the_model_of_a_day_says_what_the_one_of_many_days_says(company: Company):
    for day in DAYS:
        rows = {key: row for key, row in company.snapshots.items() if key[1] == day}
        assert company.warehouse.scored(day) == {
            key: {name: value for name, value in row.items() if name not in LABELS}
            for key, row in rows.items()
        }


def test_no_column_goes_without_an_expectation(company: Company):
    contract = read_tables(DBT_DIR / "models" / "silver")["customer_feature_snapshots"]
    named = [column.name for column in contract.columns]
    assert all(list(row) == named for row in company.snapshots.values())
    assert all(set(row) == set(named) for row in company.expected.values())


def test_the_random_histories_reach_every_feature(company: Company):
    """A column that is the same for nearly everybody is not tested by them."""
    for name in company.snapshots["c0000", DAYS[-1]]:
        values = Counter(row[name] for key, row in company.expected.items() if key[0] not in CASES)
        assert values.total() - values.most_common(1)[0][1] > 50, name
