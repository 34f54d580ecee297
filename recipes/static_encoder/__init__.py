"""The embedded default encoder: how its table is made from published weights."""
