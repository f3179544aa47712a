"""What networks cost, and what differences mean."""
