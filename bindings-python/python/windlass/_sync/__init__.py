"""The engine for threads."""
