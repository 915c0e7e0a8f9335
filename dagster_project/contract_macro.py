"""The facts of the bronze contracts as a dbt macro: while a model is parsed, it cannot see the contracts of others.

A bronze contract says in its `config.meta`, beside `key` and `version`, what models elsewhere do with its rows:

newest_at      column whose newest value `gold.source_freshness` shows
happened_at    column of the moment that an event tells of; one that arrives too late is listed in `gold.late_rows`
reaches        where a row is found above bronze: its `table` (`parties`: the source records of customers) has `as` in
               the column `id`. `is_history`: older versions are in it too. Of rows that are not found, `unless` and
               `needs` tell the reason and what to do, and `otherwise` that of the rest; `at` is the clock by which a
               row may be later than the run. `because` says why no row of the object goes anywhere
party          when a row is a party, SQL for the columns of `silver.parties`; `only_if` leaves rows out, `link_to` and
               `link_ref` name the party that it belongs to, `merged_into` the one of its own object that it became
names_parties  parties that rows name without delivering them: `party` (a bronze table) with `source_ref`, or `email`;
               `named_at` says when; with `heard_at`, where that is more than a year later, the clock is not believed
profile        SQL for the columns of `silver.profile_versions`: the golden fields that the object may fill

Here: the macro's text and its file. Not here: what is made of the facts (the models).
"""

from pprint import pformat
from textwrap import indent

from dagster_project.contracts import FACTS_FOR_OTHERS, Table, bronze_tables
from dagster_project.settings import DBT_DIR

PATH = DBT_DIR / "macros" / "contracts.sql"
FORM = """\
{{# Written by `make contracts` from the YAML files in dbt/models/bronze/: change those. #}}
{{% macro bronze_contracts() -%}}
    {{{{ return({{
{tables}
    }}) }}}}
{{%- endmacro %}}

{{# Name and contract of each bronze table that has the fact. #}}
{{% macro contracts_with(fact) -%}}
    {{{{ return(bronze_contracts().items() | selectattr('1.' ~ fact, 'defined') | list) }}}}
{{%- endmacro %}}
"""
WIDTH = 110


def contract_macro(tables: dict[str, Table]) -> str:
    """The text of `bronze_contracts()`, which gives each bronze table's key and facts by the table's name."""
    facts = {
        name: {"key": list(table.grain), "version": table.version}
        | {fact: table.meta[fact] for fact in FACTS_FOR_OTHERS if fact in table.meta}
        for name, table in tables.items()
    }
    lines = [f"{name!r}: {pformat(fact, width=WIDTH - 8, sort_dicts=False)}," for name, fact in facts.items()]
    return FORM.format(tables=indent("\n".join(lines), " " * 8))


def refresh_contract_macro() -> None:
    """Write the macro when it is not that of the contracts as they are."""
    text = contract_macro(bronze_tables())
    if not PATH.exists() or PATH.read_text(encoding="utf-8") != text:
        PATH.write_text(text, encoding="utf-8")
