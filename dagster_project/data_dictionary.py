"""The data dictionary: every published table and column in words, from the contracts.

Here: its Markdown. Not here: the contracts, and where the file lies.
"""

from dagster_project.contracts import Column, Table


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


WHERE_PERSONAL = {
    "always": "**Personal**: empty in what is published.",
    "of_persons": "**Personal** where the customer is a person: empty there in what is published.",
}


def meaning(column: Column) -> str:
    """What a column means in words, and where it is empty because it is personal."""
    return (
        f"{column.description} {WHERE_PERSONAL[column.personal]}" if column.personal else column.description
    )


def _column_row(column: Column, grain: tuple[str, ...]) -> str:
    name = f"**{column.name}**" if column.name in grain else column.name
    can_be_empty = "" if column.not_null else "yes"
    return f"| {name} | {column.data_type} | {column.unit} | {can_be_empty} | {_cell(meaning(column))} |"


def _table_section(table: Table) -> list[str]:
    return [
        f"## {table.name}",
        "",
        _cell(table.description),
        "",
        "| column | type | unit | may be empty | meaning |",
        "|---|---|---|---|---|",
        *(_column_row(column, table.grain) for column in table.columns),
        "",
    ]


def data_dictionary(tables: dict[str, Table]) -> str:
    """Markdown of all tables: an index, then one section per table with its columns.

    Args:
        tables: Contracts by table name.

    Returns:
        The text; the columns of a table's grain are in bold.
    """
    lines = [
        "# Data dictionary",
        "",
        "Every table and column of published gold, from the contracts by `make contracts`. Columns in bold are",
        "the grain: one row per value of them. Amounts are in the reporting currency unless the unit differs.",
        "What is marked **Personal** is in the warehouse; with `CUSTINT_PUBLISH_CONTACTS=true` also in",
        "`published/contacts.duckdb`: `customers` and `persons`, by `customer_id` and `person_id`. A reference that is",
        "an e-mail address is published as its hash.",
        "",
        *(
            f"- [{name}](#{name}): {_cell(table.description).split('. ')[0].rstrip('.')}."
            for name, table in tables.items()
        ),
        "",
    ]
    for table in tables.values():
        lines += _table_section(table)
    return "\n".join(lines).rstrip() + "\n"
