"""The database: schema, mapping, the scope gate and the units of work."""
