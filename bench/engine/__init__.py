"""How pieces of work are done: steps, their keys, the store, device, progress and cost."""
