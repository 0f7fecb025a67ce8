"""The state database: one SQLite file, shared by daemon, courier and commands."""
