"""The identity room: accounts, roles and sessions (spec 50)."""
