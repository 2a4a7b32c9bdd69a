"""One module a command; `cli.main.COMMANDS` lists them."""
