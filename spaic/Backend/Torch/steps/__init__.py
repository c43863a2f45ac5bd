"""One step in plain torch operations."""
