"""From videos to batches of frames."""
