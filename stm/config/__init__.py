"""What a study may say, and what follows from it. Nothing in here loads torch."""
