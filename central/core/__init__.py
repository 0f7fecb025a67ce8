"""Pure parts of central: numbers and rules, nothing of the outside world."""
