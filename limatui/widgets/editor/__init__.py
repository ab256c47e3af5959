"""The editor of lima.yaml and templates, and everything around its text."""
