"""The append-only journal of every byte that an exchange sent (spec O1)."""
