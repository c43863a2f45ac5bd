"""The graph that a network is lowered to, and the contract of programs and states."""
