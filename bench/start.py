"""From the command to the line that says ready, and the resident memory after a first request. Needs Linux's /proc."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROUNDS = 5


def once() -> tuple[float, float]:
    """Seconds to ready, and megabytes after a first request."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = [sys.executable, "-m", "overt.cli", "serve", "--port", "0", "--data", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            ready = json.loads(process.stdout.readline() if process.stdout is not None else "")
            took = time.perf_counter() - started
            body = {"model": "demo-large", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
            headers = {"x-api-key": ready["key"], "content-type": "application/json"}
            request = urllib.request.Request(f"{ready['url']}/v1/messages", json.dumps(body).encode(), headers)
            urllib.request.urlopen(request).read()
            status = Path(f"/proc/{process.pid}/status").read_text()
            kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
            return took, kilobytes / 1024
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    """Print medians."""
    rows = [once() for _ in range(ROUNDS)]
    print(f"ready after {statistics.median(took for took, _ in rows):.2f} s (median of {ROUNDS})")
    print(f"resident memory {statistics.median(size for _, size in rows):.0f} MB")


if __name__ == "__main__":
    main()
