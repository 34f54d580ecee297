"""What requests cost: tokens metered and priced, and budgets that hold."""
