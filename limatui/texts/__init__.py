"""Texts that are edited: where they come from, and how none is lost."""
