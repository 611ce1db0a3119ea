"""The gateway: accepts a request, decides openly, records durably, and only then answers.

`pipeline` is the flow, step by step; `compose` wires everything in one place; `app` is the ASGI application.
"""
