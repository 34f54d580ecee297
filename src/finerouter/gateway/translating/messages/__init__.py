"""Anthropic's messages: requests, whole answers and streams, to and from the neutral form."""
