"""The HTTP service: a drop-in, OpenAI-compatible server that routes; extra [serve]."""
