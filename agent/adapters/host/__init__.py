"""This host's metrics, one file a group of collectors."""
