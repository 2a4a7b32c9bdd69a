"""The `bylaw` command: the shell for terminals and programs, and what `bylaw up` runs. Thin: it decides nothing."""
