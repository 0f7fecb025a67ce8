"""What happens, in order: each flow is a story told straight down."""
