"""``python -m overt.cli`` is ``overt``."""

from overt.cli.main import main

main()
