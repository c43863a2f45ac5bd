"""Where the batches of a loader enter a network, and where predictions are compared with labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from spaic.errors import InputError, NetworkError, UnknownName, nearest
from spaic.Learning.labels import as_classes, as_tensor
from spaic.Network.network import Network
from spaic.Network.readers import Decoder
from spaic.Network.sources import Encoder


class Ends:
    """The encoders and decoders of a network that take part in a loop over batches.

    Parameters
    ----------
    net : Network
        The network.
    where : str
        The call, for messages.
    encoder, decoder : Element or str, optional
        The one that takes the data, the one that the labels are for, or their paths; may be left out where there is only one. They are
        not needed where data and labels come as mappings from paths.
    """

    def __init__(self, net: Network, where: str, encoder: Any = None, decoder: Any = None) -> None:
        self.net, self.where = net, where
        self._encoder = None if encoder is None else self._meant(Encoder, encoder)
        self._decoder = None if decoder is None else self._meant(Decoder, decoder)

    def feed(self, data: Any) -> None:
        """Hand a batch to the encoder, or the batches of a mapping each to its own."""
        if not isinstance(data, Mapping):
            (self._encoder or self._only(Encoder))(data)
            return
        self._refuse_choice(self._encoder, "encoder", "data")
        for path, values in data.items():
            self._meant(Encoder, path)(values)

    def read(self, label: Any, are_classes: bool) -> list[tuple[Tensor, Tensor]]:
        """Predictions of the last run, each with its labels; `are_classes` says that these are numbers of columns of the prediction."""
        if not isinstance(label, Mapping):
            pairs = [(self.decoder, label)]
        else:
            self._refuse_choice(self._decoder, "decoder", "labels")
            pairs = [(self._meant(Decoder, path), values) for path, values in label.items()]
            if not pairs:
                raise InputError(f"{self.where}: the mapping of labels is empty; give path of a decoder -> labels")
        read = as_classes if are_classes else as_tensor
        found = [(decoder.predict, values, decoder.path) for decoder, values in pairs]
        return [(prediction, read(values, prediction, path)) for prediction, values, path in found]

    @property
    def decoder(self) -> Any:
        """The decoder that was chosen, or the only one."""
        return self._decoder or self._only(Decoder)

    def _refuse_choice(self, chosen: Any, keyword: str, what: str) -> None:
        if chosen is not None:
            raise InputError(f"{self.where}: {keyword}={chosen.path!r} is given, and the {what} name theirs; leave out {keyword}=")

    def _only(self, kind: type) -> Any:
        found = list(self.net.members(kind))
        if len(found) == 1:
            return found[0]
        word, verb = kind.kind, "takes the data" if kind is Encoder else "the labels are for"  # type: ignore[attr-defined]
        paths = ", ".join(element.path for element in found)
        if not found:
            raise NetworkError(f"{self.where}: the network has no {word}; add one")
        raise NetworkError(
            f"{self.where}: the network has {len(found)} {word}s ({paths}); say which one {verb}, {word}={found[0].path!r}, or let the "
            f"loader give mappings {{path: {'array' if kind is Encoder else 'labels'}}}"
        )

    def _meant(self, kind: type, given: Any) -> Any:
        own = {element.path: element for element in self.net.members(kind)}
        word = kind.kind  # type: ignore[attr-defined]
        if isinstance(given, str):
            if given not in own:
                raise UnknownName(f"{self.where}: there is no {word} {given!r}; {nearest(given, own)}")
            return own[given]
        if not any(given is element for element in own.values()):
            raise NetworkError(f"{self.where}: {word} is {given!r}, which is no {word} of this network; {nearest('', own)}")
        return given


def pair(batch: Any, where: str) -> tuple[Any, Any]:
    """Data and labels of a batch."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        held = f"{type(batch).__name__}" + (f" of {len(batch)}" if isinstance(batch, (tuple, list)) else "")
        raise InputError(f"{where}: the loader gave a {held}, not a pair (data, label); let it give pairs")
    return batch[0], batch[1]


def right_answers(pairs: list[tuple[Tensor, Tensor]]) -> tuple[int, int]:
    """How many predictions were right, and how many there were."""
    right = sum(int((prediction.detach().argmax(1) == truth).sum()) for prediction, truth in pairs)
    return right, sum(len(truth) for _, truth in pairs)
