"""From predictions and counts to tables, claims and their verdicts."""
