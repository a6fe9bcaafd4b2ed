"""Looking after the exchanges: what they are set to, in the settings file and on the pages (spec C1, Exchanges)."""
