"""The gateway that these tests run against is the one that the gateway's own tests put together."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "gateway"))
