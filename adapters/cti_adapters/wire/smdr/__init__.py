"""Records of calls as exchanges of many makes write them (SMDR, CDR): bytes to `CallRecord` by a profile, without any
I/O. A make is data, not code: ``loading.load`` reads its TOML file, `reading.Reader` makes records of its bytes."""
