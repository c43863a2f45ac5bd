"""Files that hold plain data and arrays: safe to read, written at once or not at all."""
