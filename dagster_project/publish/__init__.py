"""The published gold: written aside, checked, then swapped in at once."""
