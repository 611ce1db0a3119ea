"""Names of different things do not take each other's place."""

from overt.core.domain import ModelName, NoticeId, ReceiptId, RuleId
from overt.core.notice import Stamp
from overt.core.request import Fallback

RULE = RuleId("cyber-1")
STAMP = Stamp(
    notice_id=RULE,  # E: arg-type
    receipt_id=NoticeId("ntc_1"),  # E: arg-type
    issued_at="2026-10-30T12:00:00Z",
    contact="appeals@gate.example",
)
FALLBACK = Fallback(model=RULE)  # E: arg-type
RECEIPT: ReceiptId = ModelName("small-1")  # E: assignment
