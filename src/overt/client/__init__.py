"""The client kit: it checks, beside the official SDKs, that every answer of a gateway has a true receipt in the log.

`overt.client.kit` makes what an SDK takes as ``http_client``; `docs/client.md` shows how. Needs ``pip install
'overt[client]'``. Of Overt's own it rests on the proofs alone, and shares nothing with the gateway's side.
"""
