"""Which value of a customer holds when: the spans of `customer_field_values` and `customer_versions`, moment by moment.

Random records say something from one moment to another, on few enough moments that ends and begins meet all the time.
An oracle asks of each moment who speaks then, and whom the rule of the field believes. Not here: which rule is right.
"""

import datetime as dt
import random
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_in_process import OPEN_END, run_dbt

from dagster_project.settings import DBT_DIR

MODELS = ("customer_field_values", "customer_versions")
BELIEVED = {
    "name": ("best_spelling", ["stripe:customers", "salesforce:accounts", "files:customers"]),
    "phone": ("most_recent", ["salesforce:accounts", "stripe:customers", "files:customers"]),
    "plan": ("most_recent", ["stripe:subscriptions", "files:subscriptions", "files:customers"]),
}
"""Rule of a field and its sources, as the seed `survivorship_rules` has them; of most customers each has one record."""
WRITTEN_NAMES = {
    "lotus bakery": ("lotus bakery", 0), "LOTUS BAKERY": ("lotus bakery", 1), "Lotus Bakery": ("lotus bakery", 2),
    "Lotus Bakery AG": ("lotus bakery", 2), "Other": ("other", 2), "unknown": (None, 0),
}  # fmt: skip
"""Names as they are written: which name that is, if any, and how well it is written."""
TICK = dt.timedelta(microseconds=1)
MOMENTS = [dt.datetime(2026, 1, day) for day in range(1, 9)]
SILVER_TABLES = {
    "profile_versions": "customer_id text, system text, object text, source_ref text, kind text, name text,"
    " given_name text, surname text, email text, phone text, domain text, address text, country text, birth_date date,"
    " industry text, employee_count bigint, stated_plan text, time_zone text, parent_customer_id text,"
    " record_created_at timestamp, is_deleted_record boolean, valid_from timestamp, valid_to timestamp",
    "subscription_versions": "customer_id text, system text, subscription_ref text, plan text, is_paid_status boolean,"
    " started_at timestamp, paid_from_at timestamp, ended_at timestamp, valid_from timestamp, valid_to timestamp",
    "customers": "customer_id text, customer_since_at timestamp",
    "party_spellings": "field text, written text, country text, spelling text",
}

Row = dict[str, Any]


def drawn_company(draw: random.Random, count: int) -> dict[str, list[Row]]:
    """Customers with a record in up to three systems and some subscriptions, each with up to three versions."""
    company: dict[str, list[Row]] = {name: [] for name in SILVER_TABLES}
    company["party_spellings"] = [
        {"field": "name", "written": written, "country": "", "spelling": name}
        for written, (name, _) in WRITTEN_NAMES.items()
        if name
    ]
    for number in range(count):
        customer = {"customer_id": f"c{number:03}"}
        company["customers"].append(customer | {"customer_since_at": draw.choice(MOMENTS[:5])})
        for system, object_name in (
            ("stripe", "customers"),
            ("salesforce", "accounts"),
            ("files", "customers"),
        ):
            record = customer | {
                "system": system, "object": object_name, "source_ref": f"{system}{number}",
                "record_created_at": MOMENTS[0], "is_deleted_record": draw.random() < 0.15,
            }  # fmt: skip
            for span in drawn_spans(draw, draw.randint(0, 3)):
                said = {
                    "name": draw.choice([None, *WRITTEN_NAMES]),
                    "phone": draw.choice([None, "x", "y"]),
                }
                plan = draw.choice([None, "x", "y"]) if system == "files" else None
                company["profile_versions"].append(record | span | said | {"stated_plan": plan})
        for place in range(draw.randint(0, 2)):
            started_at = draw.choice(MOMENTS[:4])
            record = customer | {
                "system": "stripe",
                "subscription_ref": f"s{place}of{number}",
                "started_at": started_at,
            }
            for span in drawn_spans(draw, draw.randint(1, 3)):
                ended_at = draw.choice([None, None, *MOMENTS])
                company["subscription_versions"].append(record | span | {
                    "plan": draw.choice(["x", "y", "z"]), "is_paid_status": draw.random() < 0.8,
                    "paid_from_at": max(started_at, draw.choice(MOMENTS)),
                    "ended_at": ended_at and max(ended_at, started_at),
                })  # fmt: skip
    return company


def drawn_spans(draw: random.Random, count: int) -> list[Row]:
    """Spans of the versions of a record: each ends where the next one begins, and the last is open."""
    begins = sorted(draw.sample(MOMENTS, count))
    return [
        {"valid_from": begin, "valid_to": end}
        for begin, end in zip(begins, [*begins[1:], OPEN_END], strict=False)
    ]


def holds(span: Row, moment: dt.datetime) -> bool:
    """The begin belongs to a span and the end does not."""
    return bool(span["valid_from"] <= moment < span["valid_to"])


def statements(company: dict[str, list[Row]], field: str) -> list[Row]:
    """What records say of a field and from when to when; a subscription says its plan while it is paid for."""
    column = "stated_plan" if field == "plan" else field
    said = [row | {"value": row[column]} for row in company["profile_versions"] if row[column] is not None]
    for version in company["subscription_versions"] if field == "plan" else []:
        record = {
            "object": "subscriptions",
            "source_ref": version["subscription_ref"],
            "is_deleted_record": False,
        }
        span = {
            "valid_from": max(version["valid_from"], version["paid_from_at"]),
            "valid_to": min(version["valid_to"], version["ended_at"] or OPEN_END),
        }  # fmt: skip
        if version["is_paid_status"] and span["valid_from"] < span["valid_to"]:
            created = {"record_created_at": version["started_at"], "value": version["plan"]}
            said.append(version | record | created | span)
    return said


def said_since(said: list[Row], statement: Row) -> dt.datetime:
    """Since when the record has said this without a break."""
    for before in said:
        if (before["source_ref"], before["value"], before["valid_to"]) == (
            statement["source_ref"], statement["value"], statement["valid_from"],
        ):  # fmt: skip
            return said_since(said, before)
    return statement["valid_from"]


def believed(said: list[Row], field: str, moment: dt.datetime) -> tuple[str, str] | None:
    """The value that the rule of the field chooses at a moment, and the record that says it."""
    rule, sources = BELIEVED[field]
    speaking = [row for row in said if holds(row, moment)]

    def rank(row: Row) -> tuple[Any, ...]:
        age = moment - said_since(said, row) if rule == "most_recent" else None
        place = sources.index(f"{row['system']}:{row['object']}")
        return (row["is_deleted_record"], age, place, row["record_created_at"], row["source_ref"])

    best = min(speaking, key=rank, default=None)
    if best is None or rule != "best_spelling" or WRITTEN_NAMES[best["value"]][0] is None:
        return None if best is None else (best["value"], best["source_ref"])

    def writing(row: Row) -> tuple[Any, ...]:
        has_more_words = row["value"].count(" ") > best["value"].count(" ")
        return (-WRITTEN_NAMES[row["value"]][1], not has_more_words, rank(row))

    same_name = [
        row
        for row in speaking
        if row["is_deleted_record"] == best["is_deleted_record"]
        and WRITTEN_NAMES[row["value"]][0] == WRITTEN_NAMES[best["value"]][0]
    ]
    written_best = min(same_name, key=writing)
    return (written_best["value"], written_best["source_ref"])


class Built:
    """A random company and the spans that the models make of it, by customer."""

    def __init__(self, compiled: dict[str, str]) -> None:
        connection = duckdb.connect()
        connection.execute("""
            set timezone = 'UTC'; attach ':memory:' as warehouse; use warehouse;
            create schema bronze; create schema silver""")
        rules = DBT_DIR / "seeds" / "survivorship_rules.csv"
        connection.execute(f"create table bronze.survivorship_rules as from read_csv('{rules}')")
        self.company = drawn_company(random.Random(1), 200)
        for name, columns in SILVER_TABLES.items():
            connection.execute(f"create table silver.{name} ({columns})")
            connection.register("rows", pl.DataFrame(self.company[name], infer_schema_length=None).to_arrow())
            connection.execute(f"insert into silver.{name} by name from rows")
        self.spans = {}
        for model in MODELS:
            connection.execute(f"create table silver.{model} as {compiled[model]}")
            rows = connection.execute(f"from silver.{model} order by customer_id, valid_from").pl()
            self.spans[model] = by_customer(rows.rows(named=True))


def by_customer(rows: list[Row]) -> dict[str, list[Row]]:
    """Rows of each customer, in their order."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row["customer_id"], []).append(row)
    return grouped


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    compiled = run_dbt(tmp_path_factory.mktemp("spans"), "compile", "--select", *MODELS)
    return Built({run.node.name: run.node.compiled_code for run in compiled.results})


@pytest.mark.parametrize("field", BELIEVED)
def test_at_every_moment_the_value_is_the_one_of_the_record_that_the_rule_believes(built: Built, field: str):
    said = by_customer(statements(built.company, field))
    for customer_id in (row["customer_id"] for row in built.company["customers"]):
        spans = [
            row for row in built.spans["customer_field_values"].get(customer_id, []) if row["field"] == field
        ]
        for moment in [edge + shift for edge in MOMENTS for shift in (-TICK, dt.timedelta(0), TICK)]:
            values = [(row["field_value"], row["source_ref"]) for row in spans if holds(row, moment)]
            wanted = believed(said.get(customer_id, []), field, moment)
            assert values == ([] if wanted is None else [wanted]), (customer_id, moment)


def test_a_version_of_a_customer_has_the_values_of_each_of_its_moments(built: Built):
    for customer in built.company["customers"]:
        values = built.spans["customer_field_values"].get(customer["customer_id"], [])
        versions = built.spans["customer_versions"][customer["customer_id"]]
        assert versions[0]["valid_from"] == customer["customer_since_at"]
        for version, following in zip(versions, versions[1:], strict=False):
            assert version["valid_to"] == following["valid_from"]
            assert any(version[field] != following[field] for field in BELIEVED)
        assert versions[-1]["valid_to"] == OPEN_END
        for moment in [edge + shift for edge in MOMENTS for shift in (-TICK, dt.timedelta(0), TICK)]:
            held = [row for row in versions if holds(row, moment)]
            assert len(held) == (moment >= customer["customer_since_at"])
            for version in held:
                said = {row["field"]: row["field_value"] for row in values if holds(row, moment)}
                assert {field: version[field] for field in BELIEVED if version[field]} == said
