"""The Yin-Yang data set: four inputs, three classes, and no linear way to tell them apart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import numpy as np

from spaic.errors import DataError, InputError, UnknownName, nearest
from spaic.IO.dataset import ArrayDataset
from spaic.IO.folders import DataSource, locate, sources
from spaic.seeds import Key

R_BIG = 0.5  # radius of the disc, which fills the unit square
R_SMALL = 0.1  # radius of the two dots
_FILE_OF_SPLIT = {"train": "train", "valid": "validation", "test": "test"}


class YinYang(ArrayDataset):
    """Points of the yin-yang figure as published: 5,000 for training, 1,000 each for validation and testing.

    Parameters
    ----------
    root : path, optional
        Folder with the six ``.npy`` files; else they are looked for as :mod:`spaic.IO.folders` says.
    split : {"train", "valid", "test"}, optional
        Which part to read; when omitted, `is_train` tells.
    is_train : bool
        Whether to read the training points, else the test points. Not looked at when `split` is given.

    Notes
    -----
    ``dataset[i]`` is a float32 array (x, y, 1 - x, 1 - y) of shape (4,) in [0, 1], and an int64 label: 0 yin,
    1 yang, 2 dot.

    Raises
    ------
    DataError
        If files are missing or damaged.

    Source: L. Kriener, J. Goeltz, M. A. Petrovici, "The Yin-Yang dataset", NICE 2022, doi 10.1145/3517343.3517380.
    """

    source: ClassVar[DataSource] = sources.add(
        "yin-yang",
        DataSource(
            "yin-yang",
            tuple(f"{part}_{kind}.npy" for part in _FILE_OF_SPLIT.values() for kind in ("samples", "labels")),
            "put the folder publication_data of https://github.com/lkriener/yin_yang_data_set there, "
            "or draw new points with YinYang.generate",
        ),
    )
    classes: ClassVar[tuple[str, ...]] = ("yin", "yang", "dot")

    def __init__(self, root: str | os.PathLike[str] | None = None, split: str | None = None, is_train: bool = True) -> None:
        self.split = ("train" if is_train else "test") if split is None else split
        if self.split not in _FILE_OF_SPLIT:
            raise UnknownName(f"YinYang: unknown split {self.split!r}; {nearest(self.split, _FILE_OF_SPLIT)}")
        names = [f"{_FILE_OF_SPLIT[self.split]}_{kind}.npy" for kind in ("samples", "labels")]
        files = locate(self.source, names, root)
        samples, labels = (_load(files[name]) for name in names)
        _check(samples, labels, files[names[0]])
        super().__init__(samples.astype(np.float32), labels.astype(np.int64), class_number=len(self.classes))

    @staticmethod
    def generate(n: int, seed: int = 0) -> ArrayDataset:
        """`n` new points as a data set: see :func:`generate`."""
        return ArrayDataset(*generate(n, seed), class_number=len(YinYang.classes))


def generate(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw new points: each of a class drawn evenly, then spread evenly over the area of that class.

    Parameters
    ----------
    n : int
        Number of points.
    seed : int
        Same seed, same points.

    Returns
    -------
    samples : ndarray of float32, shape (n, 4)
        x, y, 1 - x, 1 - y.
    labels : ndarray of int64, shape (n,)
        0 yin, 1 yang, 2 dot.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise InputError(f"YinYang.generate: n is {n!r}; give a whole number of points from 1")
    random = Key(seed, "yin-yang", "samples").generator()
    labels = random.integers(len(YinYang.classes), size=n)
    points = np.full((n, 2), np.nan)
    waiting = np.arange(n)
    while waiting.size:  # offer a point to everyone who waits; it stays where the class is the wanted one
        offered = random.random((waiting.size, 2))
        taken = inside(offered) & (classify(offered) == labels[waiting])
        points[waiting[taken]] = offered[taken]
        waiting = waiting[~taken]
    return np.concatenate([points, 1 - points], axis=1).astype(np.float32), labels


def inside(points: np.ndarray) -> np.ndarray:
    """Whether each of `points`, shape (n, 2), lies in the disc."""
    return _distance(points, R_BIG) <= R_BIG


def classify(points: np.ndarray) -> np.ndarray:
    """The class of each of `points`, shape (n, 2), that lies in the disc: 0 yin, 1 yang, 2 dot.

    Two half-discs of half the radius, left and right of the centre, bend the border between the lower and the
    upper half of the disc; each has a dot at its centre.
    """
    to_left, to_right = _distance(points, 0.5 * R_BIG), _distance(points, 1.5 * R_BIG)
    in_left, in_right = to_left <= 0.5 * R_BIG, to_right <= 0.5 * R_BIG
    yang = in_left | ((points[:, 1] > R_BIG) & ~in_right)
    dot = (to_left < R_SMALL) | (to_right < R_SMALL)
    return np.where(dot, 2, yang.astype(np.int64))


def _distance(points: np.ndarray, x: float) -> np.ndarray:
    """Distance of each point from (x, 0.5), a place on the horizontal diameter."""
    return np.hypot(points[:, 0] - x, points[:, 1] - R_BIG)


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: is not a readable .npy file of numbers ({error}); get it again") from error


def _check(samples: np.ndarray, labels: np.ndarray, path: Path) -> None:
    if samples.ndim != 2 or samples.shape[1] != 4 or labels.shape != samples.shape[:1]:
        raise DataError(f"{path}: samples {samples.shape} and labels {labels.shape} are not (n, 4) and (n,); get the files again")
    if labels.dtype.kind not in "iu" or not np.isin(labels, (0, 1, 2)).all():
        raise DataError(f"{path}: its labels are not all 0, 1 or 2; get the files again")
    if samples.dtype.kind != "f" or not ((samples >= 0) & (samples <= 1)).all():
        raise DataError(f"{path}: samples are not all within 0 and 1; get the files again")
