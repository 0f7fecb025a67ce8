"""What central does, in order; no library names."""
