"""What a data set is: samples that can be counted and read by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spaic.errors import InputError


class Dataset:
    """Base of map-style data sets: ``dataset[i]`` is ``(data, label)`` and ``len(dataset)`` counts the samples.

    A subclass may also offer ``batch(indices) -> (data, labels)``, which :class:`~spaic.IO.loader.Dataloader` then
    calls instead of reading sample by sample. Every data set works in :class:`torch.utils.data.DataLoader` too.

    Attributes
    ----------
    class_number : int or None
        How many classes the labels tell apart; None where labels are not classes.
    maxNum : int or None
        Inputs per sample, the `num` of an encoder; None where it is not known beforehand.
    """

    class_number: int | None = None
    maxNum: int | None = None  # noqa: N815

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        raise NotImplementedError(f"{type(self).__name__}: no samples; define __getitem__(index) -> (data, label)")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__}: no length; define __len__() -> int")

    def __repr__(self) -> str:
        try:
            count = f" of {len(self):,} sample{'s' if len(self) != 1 else ''}"
        except (NotImplementedError, AttributeError):  # of a subclass that is not finished
            count = ""
        classes = "" if self.class_number is None else f" in {self.class_number} classes"
        return f"<{type(self).__name__}{count}{classes}>"


class ArrayDataset(Dataset):
    """Samples that lie in one array in memory, as stored, and become float32 when they are read.

    Parameters
    ----------
    data : ndarray, shape (samples, ...)
        Numbers as stored (uint8 pixels stay uint8), or an object array of float32 arrays of unequal shapes.
    label : ndarray, shape (samples,) or (samples, ...)
        One label per sample.
    full_scale : float
        The stored value that is read as 1.0.
    class_number : int, optional
        Number of classes; taken from the labels (largest + 1) when they are whole numbers from 0.
    """

    def __init__(self, data: np.ndarray, label: np.ndarray, full_scale: float = 1.0, class_number: int | None = None) -> None:
        name = type(self).__name__
        if len(data) != len(label):
            raise InputError(f"{name}: {len(data)} samples but {len(label)} labels; give one label per sample")
        if len(data) == 0:
            raise InputError(f"{name}: there are no samples; give at least one")
        self.data = data
        self.label = label
        self.full_scale = np.float32(full_scale)
        self.class_number = _count_classes(label) if class_number is None else class_number
        self.maxNum = max(np.size(sample) for sample in data) if data.dtype == object else int(np.prod(data.shape[1:]))

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        try:
            return self._scaled(self.data[index]), self.label[index]
        except IndexError:  # which ends a loop over it, so it stays what it is
            raise IndexError(f"{type(self).__name__}: there is no sample {index!r}; give a number from 0 to {len(self) - 1}") from None

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Many samples at once: float32 data of shape (len(indices), ...) and their labels."""
        indices = np.asarray(indices, dtype=np.intp)
        return self._scaled(self.data[indices]), self.label[indices]

    def _scaled(self, stored: np.ndarray) -> np.ndarray:
        if stored.dtype == object:
            return stored
        return np.divide(stored, self.full_scale, dtype=np.float32)


class CustomDataset(ArrayDataset):
    """A data set made of arrays, tensors or lists that are already in memory.

    Parameters
    ----------
    data : array_like, shape (samples, ...)
        One entry per sample, read as float32 and never rescaled. Entries of a list may differ in shape, such as
        event lists; a batch of them is an object array of arrays.
    label : array_like, shape (samples,) or (samples, ...)
        Read as int64 where they are whole numbers or truth values, else as float32.

    Raises
    ------
    InputError
        If the lengths differ, there is no sample, or something is not a number.

    Examples
    --------
    >>> dataset = CustomDataset([[0, 1], [1, 0], [1, 1]], [0, 1, 1])
    >>> dataset[1], len(dataset), dataset.class_number, dataset.maxNum
    ((array([1., 0.], dtype=float32), np.int64(1)), 3, 2, 2)
    """

    def __init__(self, data: Any, label: Any) -> None:
        samples = stacked(data, "CustomDataset: data")
        labels = stacked(label, "CustomDataset: label")
        if labels.dtype == object:
            raise InputError("CustomDataset: labels differ in shape; give every sample a label of the same shape")
        if samples.dtype == object:
            samples = _object_array([sample.astype(np.float32) for sample in samples])
        super().__init__(samples, labels.astype(np.float32 if labels.dtype.kind == "f" else np.int64))


def stacked(values: Any, path: str) -> np.ndarray:
    """One array whose first axis counts `values`; an object array of arrays where their shapes differ.

    Parameters
    ----------
    values : ndarray, tensor or sequence of such
        Numbers only.
    path : str
        What the values are, for the message.
    """
    if isinstance(values, (list, tuple)):
        arrays = [_as_array(value, path) for value in values]
        if not arrays:
            return np.empty(0)
        return np.stack(arrays) if len({array.shape for array in arrays}) == 1 else _object_array(arrays)
    array = _as_array(values, path)
    if array.ndim == 0:
        raise InputError(f"{path}: {values!r} is a single number; give one entry per sample")
    return array


def _as_array(value: Any, path: str) -> np.ndarray:
    if hasattr(value, "detach"):  # a torch tensor, which need not be imported to be read
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {type(value).__name__} is not an array ({error}); give numbers of one shape") from error
    if array.dtype.kind not in "biuf":
        raise InputError(f"{path}: {type(value).__name__} with entries of type {array.dtype} are not numbers; convert them first")
    return array


def _object_array(arrays: Sequence[np.ndarray]) -> np.ndarray:
    held = np.empty(len(arrays), dtype=object)
    for position, array in enumerate(arrays):  # assigning the whole list would let NumPy broadcast equal first axes
        held[position] = array
    return held


def _count_classes(label: np.ndarray) -> int | None:
    if label.ndim != 1 or label.dtype.kind not in "iu" or label.min() < 0:
        return None
    return int(label.max()) + 1
