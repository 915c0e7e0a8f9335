"""A table's columns, seen from the contract of its landing object: what is selected, and what does not fit.

The catalogue says all of it before a row is read. Not here: reading and landing.
"""

from dataclasses import dataclass, field

from dagster_project.contracts import LandingContract, LandingField
from dagster_project.ingest.landing import EXTRA
from dagster_project.ingest.postgres.session import Transaction
from dagster_project.ingest.sql_text import quoted_name, quoted_text

MOMENT_TYPES = ("timestamp", "timestamptz", "date")
WHOLE_TYPES = ("int2", "int4", "int8")
NUMBER_TYPES = ("numeric", "float4", "float8")
STRUCTURED_TYPES = ("json", "jsonb", "bytea", "xml", "hstore")
STRUCTURED_CATEGORIES = "ACRP"  # arrays, rows, ranges, pseudo-types
ROW_HASH = "_row_hash"


@dataclass(frozen=True)
class TableRead:
    """One table of the setting: what it is landed as, its name, and the columns that order and name its rows."""

    object_name: str
    schema_name: str
    table_name: str
    cursor_column: str
    key_column: str

    @property
    def name(self) -> str:
        """`app.users`."""
        return f"{self.schema_name}.{self.table_name}"

    @property
    def sql_name(self) -> str:
        """The name as SQL takes it."""
        return f"{quoted_name(self.schema_name)}.{quoted_name(self.table_name)}"

    def column_of(self, contract: LandingContract, field_name: str) -> str:
        """The table's column that is landed as a field of the contract."""
        roles = {contract.version: self.cursor_column, contract.key[0]: self.key_column}
        return roles.get(field_name, field_name)


@dataclass(frozen=True)
class SourceColumn:
    """A column in the catalogue; for a domain the type beneath it."""

    name: str
    type_name: str
    category: str
    is_readable: bool
    is_unique: bool

    @property
    def is_structured(self) -> bool:
        """No single value: a list, a document, bytes."""
        return self.category in STRUCTURED_CATEGORIES or self.type_name in STRUCTURED_TYPES


@dataclass
class TableShape:
    """How a table is selected as a landing object.

    Attributes:
        expressions: SQL by landing column; a column that the table lacks is not among them.
        extra_columns: Columns beyond the contract, and those whose type it cannot hold.
        problems: Why the table cannot be landed, a line each; empty when it can.
        cursor_type: Type of the cursor column.
        has_unique_key: The database itself keeps the key unique.
    """

    expressions: dict[str, str] = field(default_factory=dict)
    extra_columns: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    cursor_type: str = ""
    has_unique_key: bool = False
    _reasons: list[tuple[str, str]] = field(default_factory=list)

    def select(self, table: TableRead, where: str = "") -> str:
        """The query for the table's rows as landing columns."""
        selected = dict(self.expressions)
        if self.extra_columns:
            extra = ", ".join(f"t.{quoted_name(name)}" for name in sorted(self.extra_columns))
            selected[EXTRA] = f"(select row_to_json(x) from (select {extra}) as x)::text"
        if self._reasons:
            words = ", ".join(
                f"case when not {condition} then {reason} end" for condition, reason in self._reasons
            )
            selected["_reject_reason"] = f"coalesce({words})"
        columns = ", ".join(f"{expression} as {quoted_name(name)}" for name, expression in selected.items())
        return f"select {columns} from {table.sql_name} as t {where}"

    def add(self, landing_field: LandingField, column: SourceColumn) -> bool:
        """Select a column as a field; False when the field cannot hold its type."""
        source = f"t.{quoted_name(column.name)}"
        name = landing_field.name
        if landing_field.is_moment and column.type_name in MOMENT_TYPES:
            self.expressions[name] = f"{source}::timestamp" if column.type_name == "date" else source
        elif landing_field.landing_type == "BIGINT" and column.type_name in NUMBER_TYPES:
            condition = f"({source} = trunc({source}) and abs({source}) < 9e18)"
            self._land_if(
                name, condition, f"{source}::bigint", f"left({source}::text, 60) || ' is not a whole number'"
            )
        elif _fits(landing_field, column):
            as_type = {"VARCHAR": "text", "BIGINT": "bigint", "DOUBLE": "float8", "BOOLEAN": "boolean"}
            self.expressions[name] = f"{source}::{as_type[landing_field.landing_type]}"
        else:
            return False
        return True

    def _land_if(self, name: str, condition: str, expression: str, why_not: str) -> None:
        self.expressions[name] = f"case when {condition} then {expression} end"
        self._reasons.append((condition, f"{quoted_text(name + ': ')} || {why_not}"))


def _fits(landing_field: LandingField, column: SourceColumn) -> bool:
    if landing_field.landing_type == "BIGINT":
        return column.type_name in WHOLE_TYPES
    if landing_field.landing_type == "DOUBLE":
        return column.type_name in WHOLE_TYPES + NUMBER_TYPES
    if landing_field.landing_type == "BOOLEAN":
        return column.type_name == "bool"
    if landing_field.is_json:
        return column.type_name in ("json", "jsonb")
    return not (landing_field.is_moment or column.is_structured or column.type_name in MOMENT_TYPES)


def table_columns(transaction: Transaction, table: TableRead) -> list[SourceColumn]:
    """The table's columns; none when there is no such table."""
    rows = transaction.rows(f"""
        select
            a.attname::text as name,
            coalesce(base.typname, own.typname)::text as type_name,
            own.typcategory::text as category,
            has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select') as is_readable,
            exists (
                select 1 from pg_index as i
                where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null
                    and i.indnkeyatts = 1 and i.indkey[0] = a.attnum
            ) as is_unique
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_type as own on own.oid = a.atttypid
        left join pg_type as base on base.oid = own.typbasetype and own.typbasetype <> 0
        where n.nspname = {quoted_text(table.schema_name)} and c.relname = {quoted_text(table.table_name)}
            and c.relkind in ('r', 'p', 'v', 'm', 'f')
        order by a.attnum
    """)
    return [SourceColumn(**row) for row in rows]


def table_shape(
    table: TableRead, contract: LandingContract, columns: list[SourceColumn], has_row_hash: bool
) -> TableShape:
    """How the table is selected, or why it cannot be landed.

    Args:
        table: The table.
        contract: Of its landing object.
        columns: From `table_columns`.
        has_row_hash: Whether each row is landed with the server's hash of its key and cursor.
    """
    shape = TableShape()
    if not any(column.is_readable for column in columns):
        shape.problems.append(
            "permission denied; grant usage on its schema and select on it to the user"
            if columns
            else "there is no such table or view; check CUSTINT_POSTGRES_TABLES"
        )
        return shape
    readable = {column.name: column for column in columns if column.is_readable}
    rest = dict(readable)
    for landing_field in contract.fields:
        if landing_field.name == EXTRA:
            continue
        name = table.column_of(contract, landing_field.name)
        if name in readable and shape.add(landing_field, readable[name]):
            rest.pop(name, None)
        elif landing_field.is_required:
            shape.problems.append(_why_unusable(name, landing_field, columns, contract, table))
    shape.extra_columns = list(rest)
    _add_cursor(shape, table, readable, has_row_hash)
    return shape


def _add_cursor(
    shape: TableShape, table: TableRead, readable: dict[str, SourceColumn], has_row_hash: bool
) -> None:
    cursor, key = readable.get(table.cursor_column), readable.get(table.key_column)
    if cursor is None or key is None:
        return
    if cursor.type_name not in MOMENT_TYPES:
        problem = f"column {cursor.name} is {cursor.type_name}, not a time, and cannot be the cursor"
        shape.problems = [
            *(other for other in shape.problems if f"column {cursor.name} " not in other),
            problem,
        ]
    shape.cursor_type = cursor.type_name
    shape.has_unique_key = key.is_unique
    if has_row_hash:
        shape.expressions[ROW_HASH] = row_hash(table)


def row_hash(table: TableRead) -> str:
    """64 bits of a row's key and cursor, null for a row without a key. PostgreSQL keeps these hashes over versions."""
    key, cursor = f"t.{quoted_name(table.key_column)}", f"t.{quoted_name(table.cursor_column)}"
    return f"case when {key} is not null then hash_record_extended(row({key}, {cursor}), 0) end"


def _why_unusable(
    name: str,
    landing_field: LandingField,
    columns: list[SourceColumn],
    contract: LandingContract,
    table: TableRead,
) -> str:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        known = {table.column_of(contract, known_field.name) for known_field in contract.fields}
        others = [column.name for column in columns if column.name not in known]
        hint = f"; there are {', '.join(others[:10])} (renamed?)" if others else ""
        return f"required column {name} is missing{hint}"
    if not found.is_readable:
        return f"permission denied for required column {name}; grant select on it to the user"
    wanted = {"BIGINT": "a whole number", "DOUBLE": "a number", "BOOLEAN": "true or false"}
    expected = "a time" if landing_field.is_moment else wanted.get(landing_field.landing_type, "text")
    return f"required column {name} is {found.type_name}, not {expected}"
