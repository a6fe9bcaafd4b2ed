"""Everything that touches the outside: exchanges, journal, database, live delivery, mail."""
