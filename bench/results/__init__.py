"""What a run leaves behind: the table, its document and its artefacts."""
