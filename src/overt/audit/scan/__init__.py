"""The contamination scan: which model really answered in runs that are stored already (``overt audit scan``).

Reads what providers and tools wrote at the time, and sends nothing anywhere. A field that is absent is never read as
"nothing happened": such a sample is *unknown*.
"""
