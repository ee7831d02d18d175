"""Step decay."""
