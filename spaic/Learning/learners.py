"""All learners of a network as one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch

from spaic.errors import NetworkError, StateError, UnsupportedError
from spaic.Learning.learner import Learner


class Learners:
    """The gradient learners of a network, those in nested assemblies too, in the order of their paths.

    Parameters
    ----------
    net : Network
        The network.

    Examples
    --------
    The loop of a network with several learners, where ``net.learner`` would be ambiguous::

        learners = spaic.Learning.Learners(net)
        learners.optim_zero_grad()
        loss.backward()
        learners.optim_step()
    """

    def __init__(self, net: Any) -> None:
        self.net = net
        if not len(self):
            others = ", ".join(sorted(repr(one.path) for one in net.members(Learner)))
            if others:
                raise NetworkError(
                    f"net: {others} learns while the network runs, not from a loss; call net.run(T) with each sample in place of net.fit, "
                    "or add a learner that uses gradients"
                )
            raise NetworkError("net: the network has no learner; assign one, such as net.learner = spaic.STCA(0.5, net)")

    def __iter__(self) -> Iterator[Learner]:
        return iter(sorted((one for one in self.net.members(Learner) if one.uses_gradient), key=lambda learner: learner.path))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def demand_optimizers(self) -> None:
        """Refuse a backend without gradients, and learners without an optimizer."""
        for learner in self:
            if not learner.has_optimizer:
                raise StateError(
                    f"{learner.path}: it has no optimizer; assign net.optim = spaic.Adam(lr=...), or give it one with optimizer="
                )
        if not isinstance(self.net.module, torch.nn.Module):
            raise UnsupportedError("net.fit: the backend computes no gradients; call net.set_backend('torch') first")

    def optim_zero_grad(self) -> None:
        """Forget the gradients of everything that is trained."""
        for learner in self:
            learner.optim_zero_grad()

    def optim_step(self) -> None:
        """One step of every optimizer, but none at all if a gradient is not finite. Learners of frozen parameters only are left out.

        Raises
        ------
        NumericalError
            If a gradient is not finite.
        StateError
            If everything is frozen.
        """
        working = self._working()
        if len(working) > 1:
            for learner in working:
                learner.check_gradients()
        for learner in working:
            learner.optim_step()

    def optim_schedule(self, metric: Any = None) -> None:
        """Advance the schedules that were set with ``set_schedule``."""
        for learner in self._working():
            if learner.counts_epochs:
                learner.optim_schedule(metric)

    @property
    def lr(self) -> dict[str, float]:
        """Path of a learner -> its learning rate."""
        return {learner.path: learner.lr for learner in self}

    @property
    def gradient_norm(self) -> float | None:
        """Norm of all gradients of the last step; None if no learner measured its own."""
        norms = [norm for norm in (learner.gradient_norm for learner in self._working()) if norm is not None]
        return math.hypot(*norms) if norms else None

    def _working(self) -> list[Learner]:
        everyone = list(self)
        return [learner for learner in everyone if not learner.is_frozen] or everyone
