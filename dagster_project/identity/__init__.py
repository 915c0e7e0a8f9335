"""Who is who: which records of all systems are one customer."""
