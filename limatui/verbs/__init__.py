"""What the user does: each action on one instance or many, what it asks first, the palette."""
