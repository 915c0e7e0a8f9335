"""The source `events`: files of product events in a folder or a bucket."""

from pydantic import Field

from dagster_project.ingest.streams import Connector
from dagster_project.settings import Settings, SourceSettings


class EventsSource(SourceSettings, env_prefix="CUSTINT_EVENTS_"):
    """One folder of event files."""

    path: str = Field(
        pattern=r"^[^*?\[\]'\"\s][^*?\[\]'\"]*$", description="a folder, without * ? [ ] or quotes"
    )

    @property
    def objects(self) -> tuple[str, ...]:
        """Events alone."""
        return ("product__events",)

    def connector(self, common: Settings) -> Connector:
        """What reads it."""
        from dagster_project.ingest.events.connector import EventFiles

        return EventFiles(self.path, common.landing_dir)


SOURCE = EventsSource
