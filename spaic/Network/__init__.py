"""What you write: networks, groups, connections, nodes."""
