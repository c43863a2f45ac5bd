"""The living definition: plain NumPy, one step at a time."""
