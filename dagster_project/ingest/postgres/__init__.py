"""The source `postgres`: named tables of a product's database, deletions included."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from dagster_project.ingest.streams import Connector
from dagster_project.settings import CommaList, Secret, Settings, SourceSettings

TABLE = re.compile(
    r"(?P<object>workspaces|users|events)=(?P<schema>[\w$]+)\.(?P<table>[\w$][\w$ ]*)"
    r"(?::(?P<cursor>[\w$]+)(?::(?P<key>[\w$]+))?)?"
)
"""object=schema.table[:cursor column[:key column]]; names as the catalogue has them."""


def _is_a_postgres_address(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("another scheme")
    return value


def _are_tables_of_different_objects(value: tuple[str, ...]) -> tuple[str, ...]:
    names = [found["object"] for text in value if (found := TABLE.fullmatch(text))]
    if len(set(names)) != len(value):
        raise ValueError("not tables, or twice the same")
    return value


class PostgresSource(SourceSettings, env_prefix="CUSTINT_POSTGRES_"):
    """Tables of one database."""

    url: Annotated[Secret, AfterValidator(_is_a_postgres_address)] = Field(
        description="an address like postgresql://user:password@host:5432/database"
    )
    tables: Annotated[CommaList, AfterValidator(_are_tables_of_different_objects)] = Field(
        description="a comma list like workspaces=app.workspaces, users=app.users:updated_at:id, each of "
        "workspaces, users, events at most once, events not beside the source events",
    )
    timeout_seconds: int = Field(
        default=3600, ge=1, le=86_400, description="a whole number of seconds, 1 to 86400"
    )

    @property
    def objects(self) -> tuple[str, ...]:
        """Those that have a table."""
        return tuple(f"product__{text.partition('=')[0]}" for text in self.tables)

    def connector(self, common: Settings) -> Connector:
        """What reads it."""
        from dagster_project.ingest.postgres.connector import Postgres

        return Postgres(
            url=self.url.get_secret_value(),
            tables=self.tables,
            landing_dir=common.landing_dir,
            batch_rows=common.source_batch_rows,
            lag_seconds=common.source_lag_seconds,
            timeout_seconds=self.timeout_seconds,
        )


SOURCE = PostgresSource
