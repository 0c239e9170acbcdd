"""Speed, memory and use of a GPU at the published sizes: `python -m tests.gpu.measure`."""
