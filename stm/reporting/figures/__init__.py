"""Figures: one file a kind, one style for all, and beside each picture what it shows as csv."""
