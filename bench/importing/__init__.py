"""Import of synthetic images made elsewhere: a folder becomes a sealed set."""
