"""The server: takes reports in, and serves the signed repository; decides when."""

from central.server.run import Listening, log_to_stderr, serve

__all__ = ["Listening", "log_to_stderr", "serve"]
