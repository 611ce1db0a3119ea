"""One contract suite per port: plain functions that take a factory and raise `AssertionError`."""
