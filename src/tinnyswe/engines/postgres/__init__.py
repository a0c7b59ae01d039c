"""PostgreSQL: the engine behind the database labs."""
