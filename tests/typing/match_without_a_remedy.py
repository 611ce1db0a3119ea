"""A reader of remedies answers for each of them."""

from typing import assert_never

from overt.core.decision import Notify, Redirect, Refuse, Remedy


def word(remedy: Remedy) -> str:
    """Forget the request that nobody could check."""
    match remedy:
        case Notify():
            return "notify"
        case Redirect():
            return "redirect"
        case Refuse():
            return "refuse"
        case _ as unreachable:
            assert_never(unreachable)  # E: arg-type
