"""The command line: one command a file, loaded when it is called.

Prose by default, ``--json`` for machines. Exit 0: fine. 1: a finding, such as "does not verify". 2: bad usage or input.
"""
