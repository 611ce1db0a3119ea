"""A notice says what happened, why, and how to contest it."""

from overt.core.domain import Digest, ModelName
from overt.core.notice import Ground, Notice, Stamp


def tell(stamp: Stamp, model: ModelName, digest: Digest) -> Notice:
    """Leave the why and the redress out."""
    return Notice(  # E: call-arg
        stamp=stamp,
        ground=Ground.POLICY,
        requested=model,
        served=None,
        policy="sample 3",
        policy_digest=digest,
        what="No model answered.",
    )
