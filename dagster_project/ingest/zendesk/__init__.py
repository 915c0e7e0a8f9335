"""The source `zendesk`: tickets, their history, and the people and organizations behind them."""

from pydantic import Field

from dagster_project.contracts import system_objects
from dagster_project.ingest.streams import Connector
from dagster_project.settings import Secret, Settings, SourceSettings, WebAddress


class ZendeskSource(SourceSettings, env_prefix="CUSTINT_ZENDESK_"):
    """One account of Zendesk."""

    base_url: WebAddress = Field(description="an address like https://acme.zendesk.com")
    email: str = Field(pattern=r"^[^\s@]+@[^\s@]+$", description="an e-mail address")
    api_token: Secret
    calls_per_minute: int = Field(default=10, ge=1, le=700, description="a whole number, 1 to 700")

    @property
    def objects(self) -> tuple[str, ...]:
        """Everything of the system."""
        return system_objects("zendesk")

    def connector(self, common: Settings) -> Connector:
        """What reads it."""
        from dagster_project.ingest.api_client import HttpLimits
        from dagster_project.ingest.zendesk.connector import Zendesk

        return Zendesk(
            base_url=self.base_url,
            email=self.email,
            api_token=self.api_token.get_secret_value(),
            landing_dir=common.landing_dir,
            limits=HttpLimits.of(common),
            batch_rows=common.source_batch_rows,
            calls_per_minute=self.calls_per_minute,
        )


SOURCE = ZendeskSource
