"""Cosine decay."""
