"""The autopilot: looks after every task now and then; decides when."""
