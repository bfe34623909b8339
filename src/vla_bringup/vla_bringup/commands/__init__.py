"""The subcommands of ``vla``, one module each."""
