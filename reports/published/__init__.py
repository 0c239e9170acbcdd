"""Tables of papers: their layout and values as data, and measured numbers in the same places."""
