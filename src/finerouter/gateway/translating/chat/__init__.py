"""OpenAI's chat completions: requests, whole answers and streams, to and from the neutral form."""
