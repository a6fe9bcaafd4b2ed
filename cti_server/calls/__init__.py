"""The calls room: from what an exchange says to one true call log, who called, and what is done about it (C1-C6)."""
