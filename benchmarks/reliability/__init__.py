"""What the gateway does when things go wrong; see docs/reliability.md."""
