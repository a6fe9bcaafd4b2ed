"""The calls room: from what an exchange says to one true call log, who the caller is, and what is done about it (spec C1-C6)."""
