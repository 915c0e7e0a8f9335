"""Sources to landing: files, systems and their formats; no warehouse, no Dagster, no clock."""
