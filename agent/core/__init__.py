"""Pure numbers and rules: no clock, no files, no logging."""
