"""How DuckDB is opened: every connection of the process under the same ceiling.

DuckDB takes 80 % of the machine by default, and each database of its own. Not here: where the ceiling comes from
(`settings.py`), and SQL.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakSet

import duckdb

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseLimits:
    """What one database may use.

    Attributes:
        memory_limit: As DuckDB writes it, such as `4GB` or `900MiB`; what does not fit is written to disk meanwhile.
        threads: Worker threads.
        temp_directory: Where to; DuckDB makes the folder when it needs it.
    """

    memory_limit: str
    threads: int
    temp_directory: Path | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The options with which DuckDB is opened."""
        config: dict[str, Any] = {
            "memory_limit": self.memory_limit,
            "threads": self.threads,
            # Where it expects few rows, DuckDB compares each with all others in an asof join, and it expects wrongly:
            # one day of features of 10,000 customers took 40 s instead of 4.
            "asof_loop_join_threshold": 0,
        }
        return config | ({"temp_directory": str(self.temp_directory)} if self.temp_directory else {})

    def __str__(self) -> str:
        """In words, for a log."""
        spill = f", spilling to {self.temp_directory}" if self.temp_directory else ""
        return f"DuckDB: {self.memory_limit} of memory, {self.threads} threads{spill}"


def machine_limits() -> DatabaseLimits:
    """60 % of the memory and all cores that DuckDB sees, which knows of containers: by default it takes 80 %."""
    with duckdb.connect() as connection:
        bytes_of = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
        (memory, threads), *_ = connection.execute(
            "select current_setting('memory_limit'), current_setting('threads')"
        ).fetchall()
    amount, unit = memory.split()
    return DatabaseLimits(f"{int(float(amount) * bytes_of[unit] * 0.75) >> 20}MiB", threads)


_limits = machine_limits()
_opened: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()


def limit_databases(limits: DatabaseLimits) -> None:
    """Open all databases from now on under this ceiling."""
    global _limits
    if limits != _limits:
        logger.info(str(limits))
    _limits = limits


def database_limits() -> DatabaseLimits:
    """The ceiling of this process."""
    return _limits


def connect(
    path: Path | str = ":memory:", *, read_only: bool = False, **config: Any
) -> duckdb.DuckDBPyConnection:
    """Open a database, in memory without a path.

    Args:
        path: The file.
        read_only: Other processes may read it too.
        config: Further options of DuckDB.

    Raises:
        duckdb.Error: It cannot be opened, for instance because another process writes it.
    """
    connection = duckdb.connect(str(path), read_only=read_only, config=_limits.config | config)
    _opened.add(connection)
    return connection


def interrupt_queries() -> None:
    """End what is being asked on the connections that `connect` has opened: each raises `duckdb.InterruptException`.

    A signal alone reaches only the thread that has asked: where DuckDB's workers are in the middle of the query, it
    waits for them to their end. dbt ends its own queries.
    """
    for connection in list(_opened):
        with suppress(duckdb.ConnectionException):  # closed
            connection.interrupt()
