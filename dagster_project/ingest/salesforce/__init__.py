"""The source `salesforce`: accounts, contacts, leads, opportunities and campaigns, and who looks after them."""

from pydantic import Field

from dagster_project.contracts import system_objects
from dagster_project.ingest.streams import Connector
from dagster_project.settings import Secret, Settings, SourceSettings, WebAddress


class SalesforceSource(SourceSettings, env_prefix="CUSTINT_SALESFORCE_"):
    """One organisation of Salesforce."""

    instance_url: WebAddress = Field(description="an address like https://acme.my.salesforce.com")
    client_id: Secret
    client_secret: Secret
    api_version: str = Field(default="v62.0", pattern=r"^v[1-9]\d\.0$", description="a version like v62.0")
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="a currency code like EUR")

    @property
    def objects(self) -> tuple[str, ...]:
        """Everything of the system."""
        return system_objects("salesforce")

    def connector(self, common: Settings) -> Connector:
        """What reads it."""
        from dagster_project.ingest.api_client import HttpLimits
        from dagster_project.ingest.salesforce.connector import Salesforce

        return Salesforce(
            instance_url=self.instance_url,
            client_id=self.client_id.get_secret_value(),
            client_secret=self.client_secret.get_secret_value(),
            api_version=self.api_version,
            landing_dir=common.landing_dir,
            limits=HttpLimits.of(common),
            batch_rows=common.source_batch_rows,
            lag_seconds=common.source_lag_seconds,
            currency=self.currency,
        )


SOURCE = SalesforceSource
