"""Customer intelligence: pure code by domain, with Dagster only in `defs/`."""
