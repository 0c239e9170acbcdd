"""How work is done: steps, their keys, the store, device, progress and cost."""
