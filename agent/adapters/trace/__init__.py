"""Recorded hosts: one row an instant and one column a series, in CSV or Parquet."""

from agent.adapters.trace.recorded import Trace, TraceHost, read_trace
from agent.adapters.trace.recording import Recording, recording

__all__ = ["Recording", "Trace", "TraceHost", "read_trace", "recording"]
