"""The peers of benchmarks/against_peers.py: one file per peer, and what measures them.

A peer is a module with ``TEXT`` (what it is, in a sentence), ``PACKAGES`` (distributions whose versions are reported) and
``prepare(work, arrays, is_training)``, which builds the network and returns a runner: ``step(i)`` does one whole step on batch i,
``counts(i)`` gives the output spike counts and ``gradients(i)`` the gradients of the weights, in the order of ``work.weights``.
"""
