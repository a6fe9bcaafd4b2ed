"""The subcommands of `cti`, one module each; `cti_server.cli` finds them."""
