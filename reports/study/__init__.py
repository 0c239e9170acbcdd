"""Reader studies: pages on which people judge images, and the numbers of their answers (PathDiff, section 4.5)."""
