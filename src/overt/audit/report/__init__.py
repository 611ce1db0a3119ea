"""What an audit came to: worked out from the records alone, signed, checked again by anybody, and shown as a page."""
