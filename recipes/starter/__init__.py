"""The starter dataset: generated prompts and what small local models really scored on them."""
