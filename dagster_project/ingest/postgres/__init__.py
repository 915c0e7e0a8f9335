"""PostgreSQL: named tables of a product's database, deletions included."""
