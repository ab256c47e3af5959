"""What is shown, computed apart from where it is shown: pure functions from values to lines."""
