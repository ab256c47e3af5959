"""The computer that the dashboard runs on: its terminal, clipboard, browser, other programs."""
