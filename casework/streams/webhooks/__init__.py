"""Webhooks: what a subscription may be told is sent to its bureau's endpoint, signed, in order per household."""
