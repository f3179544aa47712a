"""From a run to the scores of every clip, and from scores to metrics."""
