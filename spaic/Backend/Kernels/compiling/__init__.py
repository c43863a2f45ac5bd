"""From text to compiled code, once per machine."""
