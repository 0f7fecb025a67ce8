"""The daemon's process: when things happen. What happens is in the flows."""
