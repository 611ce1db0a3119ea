"""Fakes that keep the same contracts as the adapters, for tests of this project and of yours.

`overt.testing.contracts` holds one suite per port; it runs against the fakes here and against the real adapters.
"""
