"""The log viewer: lines of one file or of many, and the questions about them."""
