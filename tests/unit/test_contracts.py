"""Contracts: how they are read, and what every gold contract must say of itself."""

from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import (
    NUMERIC_TYPES,
    Column,
    Table,
    gold_tables,
    landing_objects,
    read_tables,
)
from dagster_project.settings import DBT_DIR

# The same name may carry another unit where the row itself says which one it is.
UNIT_DEPENDS_ON_THE_ROW: dict[str, str] = {}

CONTRACT = """
models:
  - name: fct_visits
    description: 'One row per visit.'
    config:
      meta: {grain: [visit_id]}
    columns:
      - name: visit_id
        data_type: text
        description: 'Key.'
        constraints: [{type: not_null}]
      - name: price_amount
        data_type: decimal(18,2)
        description: 'Price.'
      - name: note
        data_type: text
"""

SOURCES = """
sources:
  - name: landing
    tables: [{name: web__visits}]
  - name: scored
    schema: gold
    tables:
      - name: customer_mood
        description: 'One row per customer.'
        config:
          meta: {grain: [customer_id]}
        columns:
          - name: customer_id
            data_type: text
            description: 'Customer.'
            config: {meta: {required: true, accepted: [a, b]}}
"""


def gold_columns() -> list[tuple[Table, Column]]:
    return [(table, column) for table in gold_tables().values() for column in table.columns]


def each_gold_table() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("table", gold_tables().values(), ids=gold_tables().keys())


def test_a_model_and_a_scored_source_are_both_tables(tmp_path: Path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "fct_visits.yml").write_text(CONTRACT)
    (tmp_path / "deep" / "er" / "customer_mood.yml").write_text(SOURCES)
    tables = read_tables(tmp_path)
    assert list(tables) == ["customer_mood", "fct_visits"]
    assert tables["customer_mood"].is_written_by_python
    assert not tables["fct_visits"].is_written_by_python
    assert tables["fct_visits"].grain == ("visit_id",)
    assert tables["customer_mood"].columns == (
        Column("customer_id", "text", "Customer.", {"required": True, "accepted": ["a", "b"]}, not_null=True),
    )
    assert [column.not_null for column in tables["fct_visits"].columns] == [True, False, False]
    assert tables["fct_visits"].columns[2].description == ""


def test_an_empty_folder_has_no_tables(tmp_path: Path):
    assert read_tables(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "data_type", "rules", "unit"),
    [
        ("price_amount", "decimal(18,2)", {}, "reporting currency"),
        ("tenure_days", "bigint", {}, "days"),
        ("days_since_last_usage", "bigint", {}, "days"),
        ("days_until_renewal", "bigint", {}, "days"),
        ("ticket_count", "bigint", {}, "count"),
        ("coverage_share", "double", {}, "0-1"),
        ("churn_probability", "double", {}, "0-1"),
        ("health_score", "double", {}, "0-100"),
        ("recency_score", "bigint", {"unit": "1-5"}, "1-5"),
        ("first_reply_business_minutes", "bigint", {}, "minutes"),
        ("duration_seconds", "bigint", {}, "seconds"),
        ("nps_rating", "double", {"unit": "0-10"}, "0-10"),
        ("nps_rating", "double", {}, ""),
        ("ticket_count", "text", {}, ""),
        ("created_date", "date", {}, ""),
        ("is_active", "boolean", {}, ""),
    ],
)
def test_the_unit_comes_from_the_rule_or_the_end_of_the_name(
    name: str, data_type: str, rules: dict[str, str], unit: str
):
    assert Column(name, data_type, "", rules).unit == unit


def test_a_landing_field_is_text_unless_the_contract_says_otherwise():
    assert Column("a", "date", "").landing_type == "VARCHAR"
    assert Column("a", "bigint", "", {"landing_type": "BIGINT"}).landing_type == "BIGINT"


def test_there_is_a_contract_for_every_gold_model_and_no_contract_without_one():
    models = {path.stem for path in (DBT_DIR / "models" / "gold").rglob("*.sql")}
    by_dbt = {name for name, table in gold_tables().items() if not table.is_written_by_python}
    assert by_dbt == models
    assert len(gold_tables()) > len(models)


@each_gold_table()
def test_every_gold_description_opens_with_the_grain(table: Table):
    assert table.description.startswith("One row per ")


@each_gold_table()
def test_every_gold_table_has_a_grain_of_its_own_columns_that_are_never_empty(table: Table):
    not_null = {column.name: column.not_null for column in table.columns}
    assert table.grain
    assert set(table.grain) <= set(not_null)
    assert [name for name in table.grain if not not_null[name]] == []


@each_gold_table()
def test_every_gold_column_stands_once_and_has_a_type_and_a_description(table: Table):
    names = [column.name for column in table.columns]
    assert names
    assert len(set(names)) == len(names)
    assert [column.name for column in table.columns if not column.description.strip()] == []
    assert {column.data_type for column in table.columns} <= {
        "text", "bigint", "double", "decimal(18,2)", "decimal(18,8)", "date", "timestamp", "boolean",
    }  # fmt: skip


@each_gold_table()
def test_every_number_of_a_gold_table_has_a_unit(table: Table):
    numbers = [column for column in table.columns if column.data_type.startswith(NUMERIC_TYPES)]
    assert [column.name for column in numbers if not column.unit] == []


@each_gold_table()
def test_the_end_of_a_gold_column_name_fits_its_type(table: Table):
    types_by_ending = {
        "_amount": {"decimal(18,2)"},
        "_count": {"bigint"},
        "_days": {"bigint", "double"},
        "_share": {"double"},
        "_probability": {"double"},
        "_at": {"timestamp"},
        "_date": {"date"},
        "_id": {"text"},
    }
    wrong = [
        (column.name, column.data_type)
        for column in table.columns
        for ending, types in types_by_ending.items()
        if column.name.endswith(ending) and column.data_type not in types
    ]
    wrong += [
        (column.name, column.data_type)
        for column in table.columns
        if column.name.startswith(("is_", "has_")) and column.data_type != "boolean"
    ]
    assert wrong == []


def test_the_same_name_has_the_same_type_and_unit_in_all_gold_tables():
    seen: dict[str, dict[tuple[str, str], list[str]]] = defaultdict(lambda: defaultdict(list))
    for table, column in gold_columns():
        seen[column.name][column.data_type, column.unit].append(table.name)
    differing = {name: dict(uses) for name, uses in seen.items() if len(uses) > 1}
    assert {name: uses for name, uses in differing.items() if name not in UNIT_DEPENDS_ON_THE_ROW} == {}


def test_a_gold_column_named_like_personal_data_says_whose_it_is():
    """By the name alone; what else is personal, the test of the published files looks for."""
    kinds = {f"{table.name}.{column.name}": column.personal for table, column in gold_columns()}
    assert set(kinds.values()) == {"", "always", "of_persons"}
    ends = ("email", "phone", "address_line", "postal_code", "birth_date", "given_name", "surname")
    named = {name: kind for name, kind in kinds.items() if name.endswith((".name", *ends))}
    assert len(named) > 10
    assert [name for name, kind in named.items() if not kind] == []


def test_a_personal_gold_column_may_be_empty_and_names_of_persons_stand_beside_their_customer():
    for table, column in gold_columns():
        if column.personal:
            assert not column.not_null and column.name not in table.grain
        if column.personal == "of_persons":
            assert "customer_id" in {other.name for other in table.columns}


def test_the_latest_customer_360_has_the_columns_of_all_days():
    days, latest = (gold_tables()[name].columns for name in ("customer_360", "customer_360_latest"))
    assert [(column.name, column.data_type, column.personal) for column in latest] == [
        (column.name, column.data_type, column.personal) for column in days
    ]


def test_accepted_values_are_listed_once_each_and_belong_to_text():
    wrong = [
        (table.name, column.name)
        for table, column in gold_columns()
        if "accepted" in column.rules
        and (
            column.data_type != "text" or len(set(column.rules["accepted"])) != len(column.rules["accepted"])
        )
    ]
    assert wrong == []


def test_landing_objects_are_the_bronze_models_with_types_that_duckdb_knows():
    models = {path.stem for path in (DBT_DIR / "models" / "bronze").rglob("*.sql")}
    assert set(landing_objects()) == models
    types = {kind for fields in landing_objects().values() for kind in fields.values()}
    with duckdb.connect() as connection:
        for kind in types:
            connection.execute(f"select cast(null as {kind})")


def test_a_landing_field_that_several_columns_read_has_one_type():
    for name, table in read_tables(DBT_DIR / "models" / "bronze").items():
        kinds = defaultdict(set)
        for column in table.columns:
            kinds[column.rules["source"]].add(column.landing_type)
        assert {source: types for source, types in kinds.items() if len(types) > 1} == {}, name


def test_the_key_of_every_bronze_table_is_made_of_required_columns():
    for name, table in read_tables(DBT_DIR / "models" / "bronze").items():
        required = {column.name for column in table.columns if column.not_null}
        assert table.grain, name
        assert set(table.grain) <= required, name


def test_every_bronze_column_says_what_it_reads_and_what_it_means():
    incomplete = [
        f"{name}.{column.name}"
        for name, table in read_tables(DBT_DIR / "models" / "bronze").items()
        for column in table.columns
        if not column.description or not column.rules.get("source")
    ]
    assert incomplete == []
