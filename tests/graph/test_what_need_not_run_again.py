"""Steps in Python do only what is new: who is who, and the tone of a text, are found once for the same input."""

import dagster as dg
import polars as pl
import pytest

from dagster_project.databases import connect
from dagster_project.defs import identity, satisfaction
from dagster_project.identity.evidence import PARTY_SCHEMA
from dagster_project.settings import settings

PARTIES = [
    {
        "system": "files",
        "object": "customers",
        "source_ref": ref,
        "kind": "person",
        "name": name,
        "email": email,
    }
    for ref, name, email in (("1", "Ann Archer", "ann@a.example"), ("2", "Ann Archer", "ann@a.example"))
]
OVERRIDE = """rule,left_system,left_object,left_ref,right_system,right_object,right_ref,note
never_match,files,customers,1,files,customers,2,mother and daughter
"""


@pytest.fixture(autouse=True)
def warehouse(tmp_path, monkeypatch):
    """A data folder with two parties and two tickets in its warehouse."""
    monkeypatch.setenv("CUSTINT_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    parties = pl.DataFrame(PARTIES, schema=PARTY_SCHEMA).with_columns(  # noqa: F841
        created_at=pl.datetime(2026, 1, 1), is_paying_party=True
    )
    with connect(settings().warehouse_path) as connection:
        connection.execute("create schema silver")
        connection.execute("create table silver.parties as from parties")
        connection.execute("create table silver.step_inputs (step text, inputs text)")
        connection.execute(
            "create table silver.ticket_texts as"
            " select 'zendesk' as system, 't1' as ticket_ref, 'Great' as subject, 'I love it' as body"
            " union all select 'zendesk', 't2', null, null"
        )
    yield
    monkeypatch.undo()
    settings.cache_clear()


def in_warehouse(sql: str) -> list[tuple]:
    with connect(settings().warehouse_path) as connection:
        return connection.execute(sql).fetchall()


def run(asset: dg.AssetsDefinition) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([asset], instance=instance).success


def counted(monkeypatch, module, name: str) -> list[int]:
    """Notes the rows of each call of a function."""
    original, calls = getattr(module, name), []

    def noting(frame: pl.DataFrame, *others: object, **named: object) -> object:
        calls.append(frame.height)
        return original(frame, *others, **named)

    monkeypatch.setattr(module, name, noting)
    return calls


def test_who_is_who_is_found_once_for_the_same_records_and_decisions(monkeypatch):
    calls = counted(monkeypatch, identity, "resolve_identities")
    customers = "select count(distinct customer_id) from silver.customer_identities"
    run(identity.identities)
    run(identity.identities)
    assert calls == [2]
    assert in_warehouse(customers) == [(1,)]
    settings().identity_overrides_path.write_text(OVERRIDE)
    run(identity.identities)
    assert calls == [2, 2]
    assert in_warehouse(customers) == [(2,)]
    in_warehouse(
        "insert into silver.parties select * replace ('3' as source_ref) from silver.parties limit 1"
    )
    run(identity.identities)
    assert calls == [2, 2, 3]


def test_a_step_that_fails_half_way_is_run_again(monkeypatch):
    run(identity.identities)
    before = in_warehouse("from silver.customer_identities")
    in_warehouse("delete from silver.parties where source_ref = '2'")
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(identity, "party_spellings", lambda parties: 1 / 0)
        run(identity.identities)
    assert in_warehouse("from silver.customer_identities") == before
    run(identity.identities)
    assert in_warehouse("select source_ref from silver.customer_identities") == [("1",)]


def test_only_texts_that_are_new_or_changed_are_scored(monkeypatch):
    polarity = "select ticket_ref, round(polarity, 4) from silver.ticket_sentiments order by 1"
    calls = counted(monkeypatch, satisfaction, "score_ticket_sentiment")
    run(satisfaction.ticket_sentiments)
    first = in_warehouse(polarity)
    assert [ref for ref, _ in first] == ["t1", "t2"]
    assert first[0][1] > 0
    assert first[1][1] is None
    run(satisfaction.ticket_sentiments)
    assert in_warehouse(polarity) == first
    in_warehouse("update silver.ticket_texts set body = 'I hate it' where ticket_ref = 't1'")
    in_warehouse("insert into silver.ticket_texts values ('zendesk', 't3', 'Thanks', null)")
    run(satisfaction.ticket_sentiments)
    assert sum(calls) == 2 + 0 + 2
    assert in_warehouse(polarity)[0][1] < first[0][1]
    in_warehouse("delete from silver.ticket_texts where ticket_ref = 't3'")
    run(satisfaction.ticket_sentiments)
    assert [ref for ref, _ in in_warehouse(polarity)] == ["t1", "t2"]
