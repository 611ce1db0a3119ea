"""Watching again and again: a state between looks, a page to look at, a message when something changed.

`overt.audit.watch` says what the rows say; nothing here decides anything about them.
"""
