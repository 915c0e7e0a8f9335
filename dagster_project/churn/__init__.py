"""Churn: point-in-time features to calibrated probabilities with reasons; no Dagster, no clock."""
