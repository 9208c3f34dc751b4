"""Training from the command line: `python -m minigrad train`, and the loop behind it."""
