"""Nothing in this folder is a test or holds doctests: pytest is to leave it alone."""

collect_ignore_glob = ["*"]
