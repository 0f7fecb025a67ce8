"""The signed repository of a fleet: roles, keys, signatures, in files."""
