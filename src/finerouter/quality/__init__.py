"""Stage 2: what each model is worth on a prompt, given task probabilities. Never imports tasks."""
