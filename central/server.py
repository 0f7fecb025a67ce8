"""The server: takes reports in, and serves the signed repository; decides when."""
