"""What is compiled: from event to event, and back."""
