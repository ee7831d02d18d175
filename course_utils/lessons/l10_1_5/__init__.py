"""Inverse square root decay."""
