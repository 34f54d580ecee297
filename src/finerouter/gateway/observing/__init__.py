"""What operators see: metrics, traces and logs. Never a prompt, never a key."""
