"""A run whose process could not end fails at once: a thread that a test left behind would keep it waiting for ever."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

STUCK = 70

# The gateway that the client kit's tests run against is the one that the gateway's own tests put together.
sys.path.insert(0, str(Path(__file__).parent / "gateway"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """After the summary: name the threads that nobody ends, and end the process with a failure."""
    del config
    left = [thread.name for thread in threading.enumerate() if not _ends_with_the_process(thread)]
    if left:
        print(f"tests left threads behind that would keep the process from ending: {left!r}", file=sys.stderr)
        sys.stdout.flush()
        os._exit(STUCK)


def _ends_with_the_process(thread: threading.Thread) -> bool:
    """Workers of executors are told to end when the interpreter does, before others are waited for."""
    worker = getattr(getattr(thread, "_target", None), "__module__", "") == "concurrent.futures.thread"
    return worker or thread.daemon or thread is threading.main_thread()
