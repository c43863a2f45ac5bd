"""The text of kernels, in each language, from the plan of a layer or an island."""
