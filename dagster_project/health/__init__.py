"""Customer health: six components from one row of customer features, weighted into one score."""
