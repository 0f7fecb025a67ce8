"""One outside thing each: recorded hosts, the trainer, release folders."""
