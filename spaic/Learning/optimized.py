"""What a learner does with its optimizer: it binds one, steps it, and hands on what it has learned when the network changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from spaic.errors import DeclarationError, NetworkError, StateError, reject_unknown
from spaic.Learning.bound import BoundOptimizer
from spaic.Learning.groups import ParamGroup, divided, param_group
from spaic.Learning.optimizer import Optimizer, all_options, optimizer_named
from spaic.Learning.optimizer_state import KEYS, Inheritance
from spaic.Learning.schedule import Schedule, schedule_named
from spaic.Network import context
from spaic.Network.element import Annotation, Element


class Optimized(Annotation):
    """An annotation with an optimizer of what it trains.

    Parameters
    ----------
    name : str, optional
        Name where it is not assigned to an attribute.
    optimizer : Optimizer, optional
        Its own optimizer; without one, that of the nearest assembly around it that has one.
    groups : iterable of mapping
        Parameter groups: ``dict(parts=net.link1, lr=0.1)``, see :meth:`add_param_group`.
    """

    def __init__(self, name: str | None = None, optimizer: Optimizer | None = None, groups: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(name)
        self._declared: Optimizer | None = None
        self._schedule: Schedule | None = None
        self._groups: list[ParamGroup] = []
        self._bound: BoundOptimizer | None = None
        self._inheritance: Inheritance | None = None
        self._tree: Any = None
        self._paths: tuple[str, ...] = ()
        self._owners: dict[str, Element] = {}
        self._awaiting: Mapping[str, Any] | None = None
        if optimizer is not None:
            self.set_optimizer(optimizer)
        for group in groups:
            self._add_group(group)

    # --- declarations

    def set_optimizer(self, optim_name: str | Optimizer, optim_lr: float | None = None, **options: Any) -> None:
        """Use a torch optimizer, by name or as declared, for what this learner trains; it starts anew."""
        if isinstance(optim_name, Optimizer):
            if optim_lr is not None or options:
                raise DeclarationError(f"{self._label}: {optim_name.name} is declared already; give lr and options there")
            declared = optim_name
        elif isinstance(optim_name, str):
            declared = optimizer_named(optim_name, optim_lr, **options)
        else:
            raise DeclarationError(f"{self._label}: optimizer is {optim_name!r}; give a declaration such as spaic.Adam(lr=0.01)")
        context.forget(declared)  # it belongs to this learner, not to the network that a block is open for
        for group in self._groups:
            declared.check_group(group, self._label)
        self._declared, self._bound, self._inheritance = declared, None, None

    def set_schedule(self, lr_schedule_name: str | Schedule | list[Any], value: Any = None, **options: Any) -> None:
        """Use a torch schedule, by name; it advances with :meth:`optim_schedule`, in ``net.fit`` once per epoch."""
        self._schedule = schedule_named(lr_schedule_name, value, **options)
        if self._bound is not None:
            self._bound.set_schedule(self._schedule)

    def add_param_group(self, parts: Any = None, *, names: str | Iterable[str] = (), **options: Any) -> None:
        """Let the optimizer treat some parameters differently.

        Parameters
        ----------
        parts : Connection, NeuronGroup, Assembly or list of them, optional
            Whose parameters; all that the learner trains by default.
        names : str or list of str
            Names of the parameters, such as ``"bias"``; all of them by default.
        **options
            Options of the optimizer, such as ``lr`` and ``weight_decay``.

        Raises
        ------
        DeclarationError
            For an option that the optimizer does not have, or a part that is in a group already.

        Examples
        --------
        >>> import spaic
        >>> net = spaic.Network()
        >>> net.learner = spaic.STCA(net, optimizer=spaic.AdamW(lr=0.001))
        >>> net.learner.add_param_group(names="bias", weight_decay=0.0)
        >>> net.learner.param_groups
        (the parameter group of names=['bias'],)
        """
        group = param_group(self._label, parts, names, options, self._groups)
        declared = self._chosen()
        if declared is None:
            reject_unknown(f"{self._label}: {group!r}", options, all_options(), "option")
        else:
            declared.check_group(group, self._label)
        self._groups = [*self._groups, group]
        self._rebind()

    def clear_param_groups(self) -> None:
        """Treat all parameters alike."""
        self._groups = []
        self._rebind()

    @property
    def param_groups(self) -> tuple[ParamGroup, ...]:
        """The groups added with :meth:`add_param_group`."""
        return tuple(self._groups)

    def _add_group(self, group: Mapping[str, Any]) -> None:
        if not isinstance(group, Mapping):
            raise DeclarationError(f"{self._label}: groups holds {group!r}; give dicts such as dict(parts=net.link1, lr=0.1)")
        self.add_param_group(**group)

    # --- what changes the weights

    def optim_zero_grad(self) -> None:
        """Forget the gradients of what this learner trains."""
        if self._store() is not None:
            for parameter in self.parameters():
                parameter.grad = None

    def optim_step(self) -> None:
        """Change what this learner trains by one step of its optimizer; weights with bounds, and parameters with a range, stay within them.

        Raises
        ------
        NumericalError
            If a gradient is not finite; nothing has been changed then.
        StateError
            If there is no optimizer, or all that it trains is frozen.
        """
        self._optimizer().step()
        self._store().confine()
        self._store().keep_in_range()

    def optim_schedule(self, metric: Any = None) -> None:
        """Advance the schedule set with :meth:`set_schedule`."""
        self._optimizer().schedule_step(metric)

    def parameters(self) -> list[Any]:
        """The torch parameters it trains."""
        return list(self._named().values())

    @property
    def optimizer(self) -> Any:
        """The torch optimizer at work."""
        return self._optimizer().optimizer

    @property
    def has_optimizer(self) -> bool:
        """Whether an optimizer is declared for it: its own, or one of an assembly around it."""
        return self._chosen() is not None

    @property
    def is_frozen(self) -> bool:
        """Whether all that it trains is frozen (``requires_grad = False``)."""
        return not any(p.requires_grad for p in self.parameters())

    @property
    def lr(self) -> float:
        """The learning rate of the next step, outside of parameter groups."""
        return self._optimizer().lr

    @property
    def gradient_norm(self) -> float | None:
        """Norm of all its gradients in the last step, before they were clipped; None before the first one."""
        return None if self._bound is None else self._bound.gradient_norm

    @property
    def counts_epochs(self) -> bool:
        """Whether it has a schedule that :meth:`optim_schedule` advances."""
        bound = self._optimizer()
        return bound.scheduler is not None and not bound.every_step

    def check_gradients(self) -> None:
        """Raise what :meth:`optim_step` would raise before it changes anything."""
        self._optimizer().check_gradients()

    # --- what it has learned about them

    def state_dict(self) -> dict[str, Any]:
        """What optimizer and schedule have learned, as plain data and tensors, parameters by their paths.

        Raises
        ------
        UnsupportedError
            If the schedule has a Python function, which cannot be written down.
        """
        if self._awaiting is not None:
            return dict(self._awaiting)
        if self._chosen() is None or self._store() is None or not self._paths:  # what is hidden has not begun
            return {"name": None, "schedule": None, "groups": [], "moments": {}, "scheduler": None}
        return self._optimizer().state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave.

        Raises
        ------
        StateError
            If it belongs to another optimizer or schedule or to other parameters, listing the missing and the extra ones.
        """
        if isinstance(state, Mapping) and sorted(state) == sorted(KEYS) and state["name"] is None:
            self._bound, self._inheritance = None, None  # of a learner that had not begun
        elif not self.takes_part() or not self._paths:
            self._awaiting = state  # it trains nothing before it is shown
        else:
            self._optimizer().load_state_dict(state)

    def check_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raise what :meth:`load_state_dict` would raise, and change nothing."""
        before = self._bound, self._inheritance, self._awaiting
        try:
            if self._bound is not None:
                self._rebind()  # another optimizer takes the state, on a trial
            self.load_state_dict(state)
        finally:
            self._bound, self._inheritance, self._awaiting = before

    # --- the life of the bound optimizer

    def bind(self, simulation: Any) -> None:
        inheritance, owners = self._left_behind(), self._owners
        self._bound, self._inheritance = None, inheritance
        self._tree = simulation.store if simulation.backend.is_differentiable else None
        if self._tree is None or not self._paths:  # all that it trains may be hidden
            return
        self._owners = {path: simulation.elements[path.rpartition(".")[0]] for path in self._paths}
        if inheritance is not None:
            self._inheritance = inheritance.renamed(self._same(owners))
        if self._chosen() is not None:
            self._bind_optimizer()
        if self._awaiting is not None:
            state, self._awaiting = self._awaiting, None
            self._optimizer().load_state_dict(state)

    def _same(self, earlier: Mapping[str, Element]) -> dict[str, str]:
        """Path of a parameter -> its path in the earlier build, where `earlier` says whose each was, if it is of the same element."""
        if not earlier:
            return {path: path for path in self._paths}  # in a copy, where elements are new and paths are the same
        paths = {(id(element), path.rpartition(".")[2]): path for path, element in earlier.items()}
        keys = {path: (id(element), path.rpartition(".")[2]) for path, element in self._owners.items()}
        return {path: paths[key] for path, key in keys.items() if key in paths}

    def _bind_optimizer(self) -> BoundOptimizer:
        """An optimizer on the parameters as they are now; what an earlier one had learned of those that are still there is kept."""
        declared, named = self._chosen(), self._named()
        if declared is None:
            raise StateError(
                f"{self.path}: there is no optimizer yet; assign net.optim = spaic.Adam(lr=...) or call set_optimizer('Adam', lr)"
            )
        if not self._owners:
            found = {element.path: element for element in self._network().members()}
            self._owners = {path: found[path.rpartition(".")[0]] for path in named}
        _, *grouped = divided(self.path, self._owners, self._groups)
        bound = declared.bind(named, self.path, list(zip(self._groups, grouped, strict=True)))
        if self._schedule is not None:
            bound.set_schedule(self._schedule)
        if self._inheritance is not None:
            self._inheritance.pass_on(bound)
        self._bound, self._inheritance = bound, None
        return bound

    def _optimizer(self) -> BoundOptimizer:
        if self._store() is None:
            raise StateError(f"{self.path}: there is nothing to optimize yet; call net.build() or net.run(T) on a torch backend first")
        return self._bind_optimizer() if self._bound is None else self._bound

    def _store(self) -> Any:
        """What holds the parameters; None before a build, and on a backend that computes no gradients."""
        network = self._network()
        if self._tree is None and getattr(network, "_simulation", None) is not None:  # in a copy of a network that was built
            module = network.module
            self._tree = module if isinstance(module, torch.nn.Module) else None
        return self._tree

    def _named(self) -> dict[str, Any]:
        """Path -> torch parameter."""
        store = self._store()
        if store is None:
            raise StateError(f"{self.path}: there are no torch parameters; call net.build() on a torch backend first")
        tensors = store.tensors()
        return {path: tensors[path] for path in self._paths}

    def _left_behind(self) -> Inheritance | None:
        return self._inheritance if self._bound is None else Inheritance.of(self._bound)

    def _rebind(self) -> None:
        self._inheritance = self._left_behind()
        self._bound = None

    def __getstate__(self) -> dict[str, Any]:
        # torch ties a scheduled optimizer to its own identity, so a copy makes its own and takes over what was learned
        return {**self.__dict__, "_bound": None, "_inheritance": self._left_behind(), "_tree": None, "_owners": {}}

    # --- the network around it

    def _chosen(self) -> Optimizer | None:
        """Its own optimizer, or that of the nearest assembly that has one."""
        return self._declared or nearest_optimizer(self.parent, self._label)

    def _network(self) -> Any:
        top: Any = self
        while top.parent is not None:
            top = top.parent
        return top

    @property
    def _label(self) -> str:
        """Path, or what it is while it is in no network."""
        return self.path if self.parent is not None or self.name else type(self).__name__

    def parts(self) -> tuple[Element, ...]:
        return super().parts() + tuple(part for group in self._groups for part in group.parts)

    def redirect(self, exchange: Callable[[Element], Element | None]) -> bool:
        self._groups = [group for group in (own.redirected(exchange) for own in self._groups) if group is not None]
        return super().redirect(exchange)


def nearest_optimizer(assembly: Any, path: str) -> Optimizer | None:
    """The optimizer of an assembly, or of the nearest one around it that has one; `path` is for the messages."""
    while assembly is not None:
        declared = assembly.attachments(Optimizer)
        if len(declared) > 1:
            where = "the network" if assembly.parent is None else assembly.path
            raise NetworkError(
                f"{path}: {where} has {len(declared)} optimizers; call set_optimizer on each learner instead, or give it optimizer="
            )
        if declared:
            first: Optimizer = declared[0]
            return first
        assembly = assembly.parent
    return None
