"""Dagster's event log with connections that stay open: one for each run's file and one for the index.

Dagster opens a connection, and compiles its statements anew, for each event of a run.
Not here: what is stored, and how it is read; that stays Dagster's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

MAX_OPEN_FILES = 16


class KeptConnections(SqliteEventLogStorage):
    """Dagster's event log on SQLite; `dagster.yaml` names it."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, Engine] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "KeptConnections":
        """As `dagster.yaml` says."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._engines:
                if len(self._engines) >= MAX_OPEN_FILES:
                    self._close()  # a UI looks at many runs
                self._engines[shard] = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(self._engines[shard])
                self._initialized_dbs.add(shard)
            with self._engines[shard].connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        # The lock above lets one thread in at a time.
        engine = create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        # With a write-ahead log a crash of the process loses nothing by it, and one of the machine the last events.
        event.listen(
            engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal")
        )
        return engine

    def _close(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    def wipe(self) -> None:
        """Delete all runs' files."""
        with self._db_lock:
            self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close what is open."""
        with self._db_lock:
            self._close()
        super().dispose()
