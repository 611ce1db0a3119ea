"""TOML files that people write: one table says what may stand in them, and everything else follows from it.

`shape` is the language of such tables, `read` checks a text against one and finds every problem at once, `lines` says
where in the text each key stands, `schema` makes the published JSON Schema. Policy and configuration share this.
"""
