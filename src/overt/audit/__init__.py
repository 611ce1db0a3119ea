"""The auditor: was an endpoint covertly degraded, swapped, or made worse on one topic only?

A false alarm accuses somebody. So every test here has a false-alarm rate that is measured, every run is planned and
signed before its first call, and every number of a report is worked out again by ``overt audit verify``. The
gateway is not needed: this package stands on `overt.proof` and `overt.errors` alone.
"""
