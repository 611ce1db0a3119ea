"""The configuration: one TOML file, read once, checked whole, and then frozen.

`settings` holds the values, `parse` reads them from a text and the environment, `advice` names what is allowed but
worth a second look, `table` says what may stand in the file and `schema` publishes that as a JSON Schema.
"""
