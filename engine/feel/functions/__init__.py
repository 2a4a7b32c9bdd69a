"""The built-in functions: one table of forms and implementations, from which both modes of the language work."""
