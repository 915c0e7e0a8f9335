"""The file drop: what a person puts into the inbox."""
