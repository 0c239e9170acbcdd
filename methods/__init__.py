"""Methods that turn a real training set into a synthetic one; each registered by entry point."""
