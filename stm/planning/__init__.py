"""What a study will cost, what it could decide, where it stands, where results come from; without torch or a GPU."""
