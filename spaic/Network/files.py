"""A network and files: the formats are found by what is registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spaic.errors import DeclarationError
from spaic.Network.parameters import Parameters
from spaic.Network.weights import Mismatch
from spaic.registry import formats
from spaic.spellings import spelled


class Files(Parameters):
    """A network that can be written to a file and read from one."""

    def save(self, filename: Any = None, direct: Any = None, **options: Any) -> Any:
        """Write the network to a file; the suffix chooses the format, ``.spaic`` unless there is one.

        ``.spaic`` holds everything: declaration, weights, learners, optimizers, random and neuron states; ``spaic.load`` rebuilds the
        network from it without the code that declared it. ``.json`` and ``.yaml`` hold the declaration, to be read and edited.

        Parameters
        ----------
        filename : str or Path, optional
            The name of the network by default.
        direct : str or Path, optional
            Folder, the current one by default.
        **options
            Those of the format; see :func:`spaic.save`.

        Returns
        -------
        Path
            The file.
        """
        return formats["spaic"].save(self, _file(self, filename, direct), **options)

    def load(self, filename: Any, direct: Any = None, strict: bool = True) -> Mismatch:
        """Take over weights, learners, optimizers and states from a file into this network; ``spaic.load`` makes a new one."""
        return formats["spaic"].load_into(self, _file(self, filename, direct), strict)

    @spelled("net.save_state")
    def save_state(self, filename: Any = None, direct: Any = None, save: bool = True) -> Any:
        """Write the weights to a ``.spaic`` file and return its path; with ``save=False`` return them as a state_dict instead.

        ``save_state("name", False)`` is understood too.
        """
        if isinstance(direct, bool):
            direct, save = None, direct
        if not save:
            return self.state_dict()
        return formats["spaic"].save_weights(self.state_dict(), _file(self, filename, direct))

    def state_from_dict(
        self, state: Any = None, filename: Any = None, direct: Any = None, device: Any = None, strict: bool = True
    ) -> Mismatch:
        """Load weights from a state_dict, or from a file of :meth:`save_state` or :meth:`save`; see :meth:`load_state_dict`."""
        if (state is None or state is False) == (filename is None):
            raise DeclarationError("net.state_from_dict: give either a state_dict or the name of a file")
        if device is not None:
            self.to(device)
        if filename is not None:
            state = formats["spaic"].read_weights(_file(self, filename, direct))
        return self.load_state_dict(state, strict)


def _file(net: Files, filename: Any, direct: Any) -> Path:
    """The path meant by a name and a folder."""
    return Path(direct or "") / Path(filename or net.name or "network")
