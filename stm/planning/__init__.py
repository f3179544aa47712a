"""What a study will cost and what it could decide, before anything is run; nothing here needs data, a GPU or torch."""
