"""An upstream is given the client's bytes or an amended request, and nothing else."""

from overt.core.exchange import Declined
from overt.core.notice import Notice
from overt.ports import Upstream


async def send(upstream: Upstream, notice: Notice) -> None:
    """Send on what was to go to nobody, and bytes without a word on where they are from."""
    await upstream.send(Declined(notice), path="/v1/messages", headers=())  # E: arg-type
    await upstream.send(b"{}", path="/v1/messages", headers=())  # E: arg-type
