"""Where every real object of the two processes is built."""
