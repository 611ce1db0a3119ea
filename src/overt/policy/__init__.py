"""Policies as files: TOML that a person can read, with every mistake reported at once and every change in words.

`parse` reads a text, `bundle` gives the policies that come with Overt, `explain` and `diff` put policies and their
changes into sentences, `table` says what may stand in a file and `schema` publishes that as a JSON Schema.
"""
