"""Bronze and quarantine as the real dbt builds them from hand-made landing files.

One `dbt build` serves all tests of this file. Each hand-made row breaks one rule or none; the random rows are made of
cells whose fate is known, and of noise whose fate is only that no row may be lost.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest
from bronze_rows import (
    BAD_ROWS,
    CUSTOMER,
    FAULTY_ROWS,
    GOOD_ROWS,
    NO_BAD_ROWS,
    ORGANIZATIONS,
    PADDED_TICKETS,
    SURVEY,
    TRANSACTION,
)
from dbt_in_process import run_dbt
from random_transactions import KNOWN_ROWS, NOISE_ROWS, noise_rows, random_rows

from dagster_project.contracts import landing_objects, read_tables
from dagster_project.ingest.landing import write_batch, write_empty_file
from dagster_project.settings import DBT_DIR

LOADED_AT = dt.datetime(2026, 10, 1, 6, 0)
POLARS_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
CONTRACTS = read_tables(DBT_DIR / "models" / "bronze")
BAD_IDS = {name: CONTRACTS[name].columns[0].rules["source"] for name in BAD_ROWS}
BAD_CASES, FAULTY_CASES = (
    [
        pytest.param(name, number, id=f"{name}-{number}-{row.column}")
        for name, rows in cases.items()
        for number, row in enumerate(rows)
    ]
    for cases in (BAD_ROWS, FAULTY_ROWS)
)


def frame_of(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows in the landing types of their object; a field that is not given is empty."""
    schema = {field: POLARS_TYPES[kind] for field, kind in landing_objects()[name].items()}
    extra = {key for row in rows for key in row} - set(schema)
    assert extra <= {"_source_file", "_source_line", "_reject_column", "_reject_reason"}, extra
    schema |= {key: pl.Int64 if key == "_source_line" else pl.String for key in sorted(extra)}
    return pl.DataFrame([{field: row.get(field) for field in schema} for row in rows], schema=schema)


def hand_made_rows(name: str) -> list[dict[str, Any]]:
    """Good rows first, then the bad and the faulty: each a good row with its own key and one thing wrong."""
    base, key, wrong = GOOD_ROWS[name][0], BAD_IDS[name], BAD_ROWS[name] + FAULTY_ROWS.get(name, [])
    own_keys = ({key: 1000 + n if isinstance(base[key], int) else f"bad{n}"} for n in range(len(wrong)))
    if name == "files__consents":  # its key is made of several columns, all of which stay
        own_keys = ({} for _ in wrong)
    rows = GOOD_ROWS[name] + [base | own | row.changes for own, row in zip(own_keys, wrong, strict=True)]
    return [
        {"_source_file": f"{name}.csv", "_source_line": line} | row for line, row in enumerate(rows, start=2)
    ]


def bad_line(name: str, number: int) -> int:
    return 2 + len(GOOD_ROWS[name]) + number


def faulty_line(name: str, number: int) -> int:
    return bad_line(name, len(BAD_ROWS[name])) + number


@dataclass
class Built:
    """The warehouse that dbt built, what had landed, and what dbt said."""

    connection: duckdb.DuckDBPyConnection
    landed: dict[str, pl.DataFrame]
    status: dict[str, str]
    expected_random: dict[int, tuple[Any, ...]]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def kept(self, name: str, columns: str, where: str = "_faults is null") -> list[tuple[Any, ...]]:
        return self.rows(f"select {columns} from bronze.{name} where {where} order by _source_line")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Land everything and run `dbt build` once."""
    data_dir = tmp_path_factory.mktemp("bronze")
    landed = {}
    expected_random: dict[int, tuple[Any, ...]] = {}
    for name in BAD_ROWS:
        rows = hand_made_rows(name)
        if name == "files__transactions":
            rows.append(TRANSACTION | {
                "transaction_ref": "rejected", "_source_file": "files__transactions.csv", "_source_line": 900,
                "_reject_column": "amount", "_reject_reason": "line has 3 columns, header has 7",
            })  # fmt: skip
            rows.append(
                {
                    "_source_file": "files__transactions.csv",
                    "_source_line": 901,
                    "_reject_reason": "not valid UTF-8",
                }
            )
            random_part, expected_random = random_rows(first_line=1000)
            rows += [{"_source_file": "random.csv"} | row for row in random_part]
            rows += [{"_source_file": "noise.csv"} | row for row in noise_rows(first_line=100_000)]
        if name == "files__tickets":
            padded = enumerate(PADDED_TICKETS, start=500)
            rows += [{"_source_file": "padded.csv", "_source_line": line} | row for line, row in padded]
        landed[name] = frame_of(name, rows)
        write_batch(data_dir / "landing", *name.split("__", 1), "2026-10-01", landed[name], LOADED_AT)
    organizations = frame_of("zendesk__organizations", ORGANIZATIONS)
    write_batch(data_dir / "landing", "zendesk", "organizations", "2026-10-01", organizations, LOADED_AT)
    for name, columns in landing_objects().items():
        write_empty_file(data_dir / "landing", *name.split("__", 1), columns)
    survey = frame_of("files__survey_responses", [SURVEY])
    write_batch(data_dir / "landing", "files", "survey_responses", "2026-10-01", survey, LOADED_AT)
    write_batch(  # an older drop of the same object: the newest batch is the whole truth
        data_dir / "landing", "files", "customers", "2026-09-01",
        frame_of("files__customers", [CUSTOMER | {"customer_ref": "old"}]), LOADED_AT,
    )  # fmt: skip

    results = run_dbt(
        data_dir, "build", "--select", "currency_rates", "zendesk__organizations", *NO_BAD_ROWS, *BAD_ROWS,
        is_success_needed=False,
    )  # fmt: skip
    status = {result.node.name: str(result.status) for result in results}
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        yield Built(connection, landed, status, expected_random)


@pytest.mark.parametrize("name", [*BAD_ROWS, *NO_BAD_ROWS, "currency_rates"])
def test_bad_rows_do_not_stop_dbt(name: str, built: Built):
    assert built.status[name] == "success"


@pytest.mark.parametrize(("name", "number"), BAD_CASES)
def test_a_bad_row_is_in_quarantine_with_file_line_column_and_reason(name: str, number: int, built: Built):
    expected = BAD_ROWS[name][number]
    found = built.rows(
        f"select source_file, column_name, reason, loaded_at from quarantine.{name}"
        f" where source_line = {bad_line(name, number)} and source_file = '{name}.csv'"
    )
    ((source_file, column, reason, loaded_at),) = found
    if "duplicate" in reason:
        column = column.split(", ")[0]
    assert (source_file, column, loaded_at) == (f"{name}.csv", expected.column, LOADED_AT)
    assert all(word in reason for word in expected.words), reason


@pytest.mark.parametrize(("name", "number"), FAULTY_CASES)
def test_a_row_is_kept_without_the_bad_value_that_it_can_do_without(name: str, number: int, built: Built):
    expected = FAULTY_ROWS[name][number]
    where = f"_source_file = '{name}.csv' and _source_line = {faulty_line(name, number)}"
    ((value, faults),) = built.kept(name, f"{expected.column}, _faults", where)
    assert value is None
    assert faults.startswith(f"{expected.column}: ")
    assert all(word in faults for word in expected.words), faults


@pytest.mark.parametrize("name", BAD_ROWS)
def test_good_and_faulty_rows_are_kept_and_no_other_hand_made_row_is(name: str, built: Built):
    lines = built.kept(name, "_source_line, _faults is null", f"_source_file = '{name}.csv'")
    good = [(line, True) for line in range(2, 2 + len(GOOD_ROWS[name]))]
    assert lines == good + [
        (faulty_line(name, number), False) for number in range(len(FAULTY_ROWS.get(name, [])))
    ]


def test_the_contracts_say_of_each_value_what_the_macros_do():
    """What is left out with its column named here is what Python leaves out when it lands files."""
    optional = {
        (name, column.name)
        for name in FAULTY_ROWS
        for column in CONTRACTS[name].columns
        if CONTRACTS[name].may_lack(column)
    }
    assert {(name, row.column) for name, rows in FAULTY_ROWS.items() for row in rows} <= optional
    assert not {(name, row.column) for name, rows in BAD_ROWS.items() for row in rows} & optional


@pytest.mark.parametrize("name", BAD_ROWS)
def test_every_reason_is_of_a_kind_that_can_be_published(name: str, built: Built):
    signs = pl.read_csv(DBT_DIR / "seeds" / "fault_kinds.csv")["sign"]
    reasons = [reason for (reason,) in built.rows(f"select reason from quarantine.{name}")]
    assert [reason for reason in reasons if not any(sign in reason for sign in signs)] == []


@pytest.mark.parametrize("name", BAD_ROWS)
def test_rows_in_equal_rows_kept_plus_rows_in_quarantine(name: str, built: Built):
    ((kept, quarantined),) = built.rows(
        f"select (select count(*) from bronze.{name}), (select count(*) from quarantine.{name})"
    )
    assert kept + quarantined == built.landed[name].height
    assert kept and quarantined


@pytest.mark.parametrize("name", BAD_ROWS)
def test_no_row_is_in_both_tables_and_none_twice(name: str, built: Built):
    lines = built.rows(
        f"select _source_file, _source_line from bronze.{name}"
        f" union all select source_file, source_line from quarantine.{name}"
    )
    landed = built.landed[name].select("_source_file", "_source_line").rows()
    assert sorted(lines) == sorted(landed)


@pytest.mark.parametrize("name", BAD_ROWS)
def test_every_row_in_quarantine_says_where_and_why(name: str, built: Built):
    columns = {column.name for column in CONTRACTS[name].columns} | {"whole row"}
    key = ", ".join(CONTRACTS[name].grain)
    for column, reason in built.rows(f"select distinct column_name, reason from quarantine.{name}"):
        assert column in columns or column == key
        assert reason.strip()


@pytest.mark.parametrize("name", [*BAD_ROWS, *NO_BAD_ROWS])
def test_bronze_has_the_columns_and_types_of_its_contract(name: str, built: Built):
    described = [(column, kind.lower()) for column, kind, *_ in built.rows(f"describe bronze.{name}")]
    expected = [
        (column.name, column.data_type.replace("text", "varchar")) for column in CONTRACTS[name].columns
    ]
    meta = [
        ("_source_file", "varchar"),
        ("_source_line", "bigint"),
        ("_loaded_at", "timestamp"),
        ("_faults", "varchar"),
        ("_load_number", "bigint"),
    ]
    assert described == expected + meta


def test_an_object_without_rows_is_an_empty_table_and_an_empty_quarantine(built: Built):
    assert built.rows("select count(*) from bronze.files__contacts") == [(0,)]
    assert built.rows("select count(*) from quarantine.files__contacts") == [(0,)]


def test_an_empty_file_that_a_killed_run_left_beside_a_batch_does_not_hide_it(built: Built):
    assert built.kept("files__survey_responses", "response_ref, rating") == [("s1", 10.0)]


def test_only_the_newest_batch_of_a_dropped_file_counts(built: Built):
    assert built.kept("files__customers", "customer_ref") == [("u0",), ("u1",)]


def test_transactions_become_exact_amounts_utc_times_and_upper_case_currencies(built: Built):
    columns = "transaction_ref, customer_ref, occurred_at, amount, currency, status, kind, payment_method, _loaded_at"
    rest = ("paid", "invoice", None, LOADED_AT)
    assert built.kept("files__transactions", columns, "_source_line < 7") == [
        ("t0", "c1", dt.datetime(2026, 9, 30, 10), Decimal("12.50"), "EUR", *rest),
        ("t1", "c1", dt.datetime(2026, 9, 29, 23, 30), Decimal("12.50"), "GBP", *rest),
        ("t2", "c1", dt.datetime(2026, 9, 30, 10), Decimal("0.00"), None, None, None, None, LOADED_AT),
        ("t3", "c1", dt.datetime(2026, 9, 30), Decimal("1000000000.00"), "EUR", *rest),
        ("t4", "c1", dt.datetime(2026, 9, 30, 10), Decimal("-5.00"), "EUR", *rest),
    ]


def test_whole_numbers_booleans_and_dates_are_read_as_they_are_written(built: Built):
    assert built.kept("files__tickets", "reopen_count, is_escalated, csat_rating", "_source_line < 5") == [
        (None, None, None),
        (12, True, 4.5),
        (12, False, 1.0),
    ]
    assert built.kept("files__customers", "birth_date, kind, created_at") == [
        (dt.date(1980, 2, 29), "person", dt.datetime(2026, 9, 30, 8)),
        (dt.date(1900, 1, 2), None, dt.datetime(2026, 9, 30, 8)),
    ]
    assert built.kept("files__incentive_outcomes", "propensity_probability, is_retained") == [
        (None, None),
        (1.0, True),
    ]


def test_minor_units_become_exact_cents_and_unix_seconds_utc_times(built: Built):
    moment = dt.datetime(2026, 9, 21, 14, 13, 20)
    assert built.kept("stripe__charges", "charge_ref, amount, currency, created_at, payment_method") == [
        ("ch0", Decimal("19.99"), "USD", moment, "card"),
        ("ch0", Decimal("19.99"), "USD", moment, "card"),
        ("ch1", Decimal("0.00"), "EUR", moment, None),
        ("ch2", Decimal("1000000000.00"), "USD", moment, None),
        ("ch3", Decimal("500.00"), "JPY", moment, "card"),
        ("ch4", Decimal("5.12"), "KWD", moment, "card"),
    ]
    assert built.kept("stripe__invoices", "total_amount, paid_at, discount_amount") == [
        (Decimal("0.01"), None, None),
        (Decimal("0.01"), moment, Decimal("1.75")),
        (Decimal("0.01"), None, None),
    ]


def test_placeholders_are_nobody_one_id_may_be_two_events_and_numbers_since_1970_are_read_by_their_size(
    built: Built,
):
    ten = dt.datetime(2026, 9, 12, 10)
    assert built.kept("files__usage_events", "event_ref, occurred_at, event_name, user_ref") == [
        ("e0", ten, "open", None),
        ("e0", ten, "close", None),
        ("e0", ten + dt.timedelta(milliseconds=250), "open", None),
        *((f"e{number}", ten, "open", None) for number in range(1, 5)),
    ]
    assert built.kept("product__events", "event_ref, user_ref, device_ref") == [
        ("p0", None, None), ("p0", None, None), ("p1", None, None), ("p2", None, "d1"),
    ]  # fmt: skip


def test_json_fields_are_read_by_their_path(built: Built):
    columns = "json_extract_string(items, '$.data[0].price.id'), discount, cancel_reason"
    assert built.kept("stripe__subscriptions", columns) == [("p1", None, None)]


def test_times_with_an_offset_become_utc_also_inside_json(built: Built):
    columns = (
        "ticket_ref, created_at, modified_at, solved_at, channel, first_reply_calendar_minutes, is_escalated"
    )
    times = (dt.datetime(2026, 3, 28, 23, 30), dt.datetime(2026, 3, 30, 11, 0))
    assert built.kept("zendesk__tickets", columns) == [
        ("1", *times, dt.datetime(2026, 3, 29, 1, 30), "email", 35, True),
        ("2", *times, None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [(900, "amount", "line has 3 columns, header has 7"), (901, "whole row", "not valid UTF-8")],
)
def test_a_row_that_the_landing_refused_keeps_its_column_and_reason(
    line: int, column: str, reason: str, built: Built
):
    query = f"select column_name, reason from quarantine.files__transactions where source_line = {line}"
    assert built.rows(query) == [(column, reason)]


def test_a_row_with_several_faults_is_quarantined_once_with_all_of_them(built: Built):
    ((column, reason),) = built.rows(
        "select column_name, reason from quarantine.stripe__subscriptions"
        f" where source_line = {bad_line('stripe__subscriptions', 1)}"
    )
    assert column == "status"
    assert reason == "status: required, and empty; currency: required, and empty"


def test_of_random_rows_exactly_the_sound_ones_are_kept_with_their_values(built: Built):
    columns = "_source_line, transaction_ref, customer_ref, occurred_at, amount, currency, status, kind"
    found = {
        line: tuple(values)
        for line, *values in built.kept("files__transactions", columns, "_source_file = 'random.csv'")
    }
    assert KNOWN_ROWS * 0.1 < len(built.expected_random) < KNOWN_ROWS * 0.9  # both fates are common
    assert found == built.expected_random


def test_of_random_rows_every_other_one_is_in_quarantine(built: Built):
    found = built.rows(
        "select source_line from quarantine.files__transactions where source_file = 'random.csv'"
    )
    expected = set(range(1000, 1000 + KNOWN_ROWS)) - set(built.expected_random)
    assert sorted(line for (line,) in found) == sorted(expected)


def test_noise_is_kept_or_quarantined_and_never_lost(built: Built):
    ((kept, quarantined),) = built.rows(
        "select (select count(*) from bronze.files__transactions where _source_file = 'noise.csv'),"
        " (select count(*) from quarantine.files__transactions where source_file = 'noise.csv')"
    )
    assert kept + quarantined == NOISE_ROWS
    assert quarantined > NOISE_ROWS / 2


@pytest.mark.parametrize("number", range(len(PADDED_TICKETS)))
def test_spaces_around_a_value_do_not_make_it_bad(number: int, built: Built):
    known = "coalesce(reopen_count, 1), coalesce(csat_rating, 4.5), coalesce(is_escalated, true)"
    assert built.kept(
        "files__tickets", f"customer_ref, opened_at, {known}", f"_source_line = {500 + number}"
    ) == [("c1", dt.datetime(2026, 9, 30), 1, 4.5, True)]


def test_broken_json_costs_the_value_that_was_in_it(built: Built):
    assert built.status["zendesk__organizations"] == "success"
    assert built.kept("zendesk__organizations", "organization_ref, domain, _faults", "true") == [
        ("1", "acme.example", None),
        ("2", None, None),
        ("3", None, "domain: 'not json' is not JSON"),
    ]
