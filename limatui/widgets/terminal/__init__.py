"""The terminal: the emulator, its cells on the screen, keys, marks, search."""
