"""What the user has set: settings.toml, keys, the view of the last session."""
