"""From an index of frames to a run's folder."""
