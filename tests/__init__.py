"""A regular package: a dependency that installs a `tests` of its own (torch-fidelity does) must not shadow it."""
