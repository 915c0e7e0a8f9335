"""Incentives: what past randomised offers did, and which offer pays for whom today; no Dagster, no clock."""
