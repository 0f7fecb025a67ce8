"""Where central speaks to people."""
