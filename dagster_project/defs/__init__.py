"""Everything Dagster: one thin file per domain. No maths here; pure code lives beside this package."""
