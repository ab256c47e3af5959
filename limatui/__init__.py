"""The dashboard over limacore."""
