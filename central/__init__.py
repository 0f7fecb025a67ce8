"""What trains, signs and publishes models; shares only `agent.core`."""
