"""Logs as they are read: blocks, lines that pass, times, finds. Nothing here draws, all of it blocks: for a thread."""
