"""The world, one thing each; none knows its siblings."""
