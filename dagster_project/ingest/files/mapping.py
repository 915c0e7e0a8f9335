"""Mappings: one DuckDB SELECT that reads the files of the inbox.

Here: what a mapping may be and how its relative paths find the inbox. Not here: how its rows are landed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from dagster_project.databases import connect
from dagster_project.ingest.sql_text import first_line, quoted_list

OPEN_QUESTION = "???"
"""Stands in a draft where a person has to name a column."""

FILE_FUNCTIONS = ("read_", "parquet_", "sniff_csv", "glob")


class MappingError(Exception):
    """A mapping cannot be used; the message says why, without the file's name."""


def connect_to_inbox(inbox_dir: Path) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that reaches the inbox and no other file.

    Args:
        inbox_dir: Folder of the dropped files.

    Returns:
        An in-memory connection whose settings are locked; times are UTC.
    """
    connection = connect(python_enable_replacements="false")
    connection.execute("set TimeZone = 'UTC'")
    # One thread: rows keep the order of the file, whatever the mapping does.
    connection.execute("set threads = 1")
    connection.execute(f"set allowed_directories = {quoted_list([inbox_dir.resolve()])}")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def read_mapping(sql: str, inbox_dir: Path) -> str:
    """Check a mapping and lead its relative paths into the inbox.

    DuckDB's `file_search_path` is not used: a file of the same name in the current folder would win.

    Args:
        sql: Text of the mapping.
        inbox_dir: Folder that relative paths start from.

    Returns:
        One SELECT without a closing semicolon, in which the paths of file functions and of `from 'file'` are
        absolute.

    Raises:
        MappingError: The text is no SQL, or something else than one SELECT.
    """
    if OPEN_QUESTION in sql:
        raise MappingError(
            f"it still has {OPEN_QUESTION}: put the name of a column, or a value, in each place"
        )
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise MappingError(first_line(error)) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        found = ", ".join(statement.type.name for statement in statements) or "none"
        raise MappingError(f"it must be exactly one SELECT, and its statements are: {found}")
    query = statements[0].query.strip().removesuffix(";")
    with connect() as connection:
        answer = connection.execute("select json_serialize_sql(cast(? as varchar))", [query]).fetchone()
    tree = json.loads(answer[0]) if answer else {"error": True}
    if tree["error"]:
        raise MappingError(f"it must be one SELECT: {tree.get('error_message', 'cannot be read')}")
    return _with_absolute_paths(query, dict(_paths(tree)), inbox_dir.resolve())


def _paths(node: Any) -> Iterator[tuple[int, str]]:
    """Byte position and text of every literal that names a file."""
    if isinstance(node, list):
        for item in node:
            yield from _paths(item)
    elif isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["query_location"], node["table_name"]
        elif node.get("type") == "TABLE_FUNCTION":
            yield from _argument_paths(node["function"])
        for item in node.values():
            yield from _paths(item)


def _argument_paths(function: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """A file function's first argument: one path, or a list of them."""
    if not function["function_name"].startswith(FILE_FUNCTIONS):
        return
    for argument in function["children"][:1]:
        for item in argument["children"] if argument["type"] == "FUNCTION" else [argument]:
            if item["type"] == "VALUE_CONSTANT" and isinstance(item["value"]["value"], str):
                yield item["query_location"], item["value"]["value"]


def _with_absolute_paths(query: str, paths: dict[int, str], inbox_dir: Path) -> str:
    text = query.encode()
    for position in sorted(paths, reverse=True):
        path = paths[position]
        mark = text[position : position + 1].decode(errors="replace")
        written = (mark + path.replace(mark, mark * 2) + mark).encode()
        is_file = mark == "'" or (mark == '"' and (inbox_dir / path).is_file())
        if not is_file or "://" in path or not text.startswith(written, position):
            continue
        absolute = str(inbox_dir / path).replace(mark, mark * 2)
        text = text[:position] + f"{mark}{absolute}{mark}".encode() + text[position + len(written) :]
    return text.decode()
