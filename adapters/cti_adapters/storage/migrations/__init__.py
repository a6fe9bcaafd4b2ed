"""The versions of the schema, applied by Alembic."""
