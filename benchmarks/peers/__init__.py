"""One module for each engine: how it writes the generated rules, what it takes and what it gives."""
