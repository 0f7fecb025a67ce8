"""Where central's real objects are built."""
