"""Methods that turn a real training set into a synthetic one; each is registered by an entry point."""
