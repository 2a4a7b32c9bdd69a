"""Bylaw's pure core: values in, values out. The names below are its public list."""
