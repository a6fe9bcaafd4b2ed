"""Call to history: which calls need a record, by when, and how each of them stands (spec C6)."""
