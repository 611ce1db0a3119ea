"""What the gateway keeps for its callers: keys (hashed), receipts, notices. Adapters of `ports.Store`."""
