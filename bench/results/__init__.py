"""The output of a run: the table, its document and its artefacts."""
