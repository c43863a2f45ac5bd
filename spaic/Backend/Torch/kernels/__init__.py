"""Elements and islands run over all time by compiled kernels, forward and back."""
