"""Wire formats: bytes to values and back, nothing else. Only this package makes a `Received`.

One folder per protocol; protocols do not know each other. They share `json`, `sse`, `prefer` and `disclosure`.
"""
