"""The equation language: declarations of models, and what is derived from them."""
