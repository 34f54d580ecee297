"""Plain text to be continued: requests from the neutral form, answers to it."""
