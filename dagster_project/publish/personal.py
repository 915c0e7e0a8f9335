"""Keeps personal data out of what is published, and writes it into a file of its own for those who call.

Which columns are personal their contracts say (`personal`). Here: what is published in their place, and the file of
contacts. Not here: when a generation is swapped in (`generation.py`), and whether contacts are wanted (`settings.py`).
"""

from pathlib import Path

import duckdb

from dagster_project.contracts import Column, Table
from dagster_project.databases import connect

CONTACTS_NAME = "contacts.duckdb"

_ORGANIZATIONS = "select customer_id from warehouse.gold.dim_customer where not is_person"
_E_MAIL = r"[^\s@]+@[^\s@]+\.[^\s@]+"
_PROFILE = (
    "name", "given_name", "surname", "email", "phone", "address_line", "city", "postal_code", "country", "birth_date",
)  # fmt: skip

# What the records of a person say of it: of each field what the newest record says that knows it.
_PERSONS = """
    select
        identities.person_id,
        identities.customer_id,
        {fields}
    from warehouse.silver.customer_identities as identities
    inner join warehouse.silver.parties as parties using (system, object, source_ref)
    where identities.person_id is not null
    group by identities.person_id, identities.customer_id
    order by identities.person_id, identities.customer_id
"""


def published_rows(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The query that reads a gold table without personal data, in the order of its grain.

    Args:
        connection: It has the warehouse attached as `warehouse`.
        table: Its contract. Where a column is personal, its values are empty; where it is so of persons, those of
            customers that are persons. Any other text that holds an e-mail address, as a reference may, gives its hash.
    """
    described = connection.execute(f"describe warehouse.gold.{table.name}").fetchall()
    existing = {name for name, *_ in described}  # that one lacks, the check of the contract says
    changes = [_in_its_place(column) for column in table.columns if column.name in existing]
    replace = f"replace ({', '.join(filter(None, changes))})" if any(changes) else ""
    return f"select * {replace} from warehouse.gold.{table.name} order by {', '.join(table.grain)}"


def _in_its_place(column: Column) -> str:
    name = f'"{column.name}"'
    if column.personal == "always":
        return f"cast(null as {column.data_type}) as {name}"
    if column.personal == "of_persons":
        return f"case when customer_id in ({_ORGANIZATIONS}) then {name} end as {name}"
    if column.data_type == "text" and not column.accepted:
        is_personal = f"contains({name}, '@') and regexp_matches({name}, '{_E_MAIL}')"
        return f"case when {is_personal} then md5({name}) else {name} end as {name}"
    return ""


def write_contacts(warehouse_path: Path, folder: Path) -> None:
    """Write `contacts.duckdb` with the tables `customers` and `persons`; only the user who runs this may read it.

    Args:
        warehouse_path: The DuckDB file that runs write.
        folder: Where to; the file must not exist.
    """
    closed = folder / ".contacts"
    closed.mkdir(mode=0o700)  # nobody else sees the file before it has its own mode
    path = closed / CONTACTS_NAME
    newest = "(parties.created_at, identities.system, identities.object, identities.source_ref)"
    fields = ", ".join(
        f"arg_max(parties.{field}, {newest}) filter (where parties.{field} is not null) as {field}"
        for field in _PROFILE
    )
    with connect(path) as connection:
        connection.execute(f"attach '{warehouse_path}' as warehouse (read_only)")
        connection.execute(
            f"create table customers as select customer_id, kind, {', '.join(_PROFILE)}"
            " from warehouse.gold.dim_customer order by customer_id"
        )
        connection.execute(f"create table persons as {_PERSONS.format(fields=fields)}")
        _describe(connection)
    path.chmod(0o600)
    path.replace(folder / CONTACTS_NAME)
    closed.rmdir()


def _describe(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("comment on table customers is 'One row per customer: whom to call. Personal data.'")
    connection.execute(
        "comment on table persons is 'One row per person of a customer: what its newest records say. Personal data.'"
    )


def drop_contacts(published_dir: Path, keep: Path | None) -> None:
    """Remove every published file of contacts but that of one generation.

    Args:
        published_dir: Where analysts look.
        keep: The generation whose contacts are published; None where none are.
    """
    if keep is None:
        (published_dir / CONTACTS_NAME).unlink(missing_ok=True)
    for path in (published_dir / "generations").glob(f"*/{CONTACTS_NAME}"):
        if path.parent != keep:
            path.unlink()
