"""The source `stripe`: what a billing account holds, and what its events say has changed."""

from pydantic import Field

from dagster_project.contracts import system_objects
from dagster_project.ingest.streams import Connector
from dagster_project.settings import Secret, Settings, SourceSettings, WebAddress


class StripeSource(SourceSettings, env_prefix="CUSTINT_STRIPE_"):
    """One account of Stripe."""

    api_key: Secret
    api_base: WebAddress = Field(
        default="https://api.stripe.com", description="an address like https://api.stripe.com"
    )
    full_read_days: int = Field(default=28, ge=1, le=29, description="a whole number of days, 1 to 29")

    @property
    def objects(self) -> tuple[str, ...]:
        """Everything of the system."""
        return system_objects("stripe")

    def connector(self, common: Settings) -> Connector:
        """What reads it."""
        from dagster_project.ingest.api_client import HttpLimits
        from dagster_project.ingest.stripe.connector import Stripe

        return Stripe(
            api_key=self.api_key.get_secret_value(),
            api_base=self.api_base,
            landing_dir=common.landing_dir,
            limits=HttpLimits.of(common),
            batch_rows=common.source_batch_rows,
            full_read_days=self.full_read_days,
        )


SOURCE = StripeSource
