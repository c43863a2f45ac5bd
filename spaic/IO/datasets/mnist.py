"""MNIST and Fashion-MNIST: 28 x 28 grey images of ten classes in IDX files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from spaic.errors import DataError
from spaic.IO.dataset import ArrayDataset
from spaic.IO.datasets.idx import parse_idx, unpack
from spaic.IO.download import fetch
from spaic.IO.folders import DataSource, locate, present, search_folders, sources

_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_PIXELS = 28


class MNIST(ArrayDataset):
    """Handwritten digits: 60,000 for training, 10,000 for testing.

    Parameters
    ----------
    root : path, optional
        Folder with the IDX files, plain or gzipped (also torchvision's ``MNIST/raw`` below it); else they are
        looked for as :mod:`spaic.IO.folders` says. Only the two files of the chosen split are needed.
    is_train : bool
        Whether to read the training images, else the test images.
    download : bool
        Whether to fetch files that are not there.

    Notes
    -----
    ``dataset[i]`` is a float32 array of shape (784,) in [0, 1], row by row, and an int64 label. Pixels stay uint8
    in memory (47 MB for the training images).

    Raises
    ------
    DataError
        If files are missing or damaged, or differ from the published ones (by MD5, which takes about 0.1 s).

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits"; CC BY-SA 3.0.
    """

    source: ClassVar[DataSource] = sources.add(
        "mnist", DataSource("mnist", _FILES, "call MNIST(download=True), or put the IDX files (plain or .gz) there", layouts=("MNIST/raw",))
    )
    url: ClassVar[str] = "https://ossci-datasets.s3.amazonaws.com/mnist/"
    packed_md5: ClassVar[Mapping[str, str]] = dict(
        zip(
            _FILES,
            (
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "9fb629c4189551a2d022fa330f9573f3",
                "ec29112dd5afa0611ce80d1b7f02629c",
            ),
            strict=True,
        )
    )
    unpacked_md5: ClassVar[Mapping[str, str]] = dict(
        zip(
            _FILES,
            (
                "6bbc9ace898e44ae57da46a324031adb",
                "a25bea736e30d166cdddb491f175f624",
                "2646ac647ad5339dbf082846283269ea",
                "27ae3e4e09519cfbb04c329615203637",
            ),
            strict=True,
        )
    )
    balanced: ClassVar[bool] = False  # whether every class must have the same number of images
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")

    def __init__(self, root: str | os.PathLike[str] | None = None, is_train: bool = True, download: bool = False) -> None:
        self._is_train = bool(is_train)
        names = _FILES[:2] if is_train else _FILES[2:]
        if download:
            self._download(names, root)
        files = locate(self.source, names, root)
        samples = 60_000 if is_train else 10_000
        images = self._read(names[0], files[names[0]], (samples, _PIXELS, _PIXELS))
        labels = self._read(names[1], files[names[1]], (samples,))
        if self.balanced:
            _check_balance(labels, files[names[1]])
        super().__init__(images.reshape(samples, -1), labels.astype(np.int64), full_scale=255, class_number=len(self.classes))

    @property
    def is_train(self) -> bool:
        """Whether these are the training images."""
        return self._is_train

    def _download(self, names: tuple[str, ...], root: str | os.PathLike[str] | None) -> None:
        folders = search_folders(self.source, root)
        if any(len(present(folder, names)) == len(names) for folder in folders):
            return
        for name in names:
            if not present(folders[0], [name]):
                fetch(f"{self.url}{name}.gz", folders[0] / f"{name}.gz", self.packed_md5[name])

    def _read(self, name: str, path: Path, shape: tuple[int, ...]) -> np.ndarray:
        content = unpack(path)
        array = parse_idx(content, path)
        if array.dtype != np.uint8 or array.shape != shape:
            raise DataError(
                f"{path}: holds {array.dtype} of shape {array.shape}, {type(self).__name__} has uint8 of shape {shape}; "
                "check which file this is, or read it with read_idx"
            )
        if name in self.unpacked_md5:
            found = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if found != self.unpacked_md5[name]:
                raise DataError(
                    f"{path}: MD5 of the unpacked file is {found}, that of the published one "
                    f"{self.unpacked_md5[name]}; get the file again, or read it with read_idx"
                )
        return array


class FashionMNIST(MNIST):
    """Articles of clothing in the format, the sizes and the splits of :class:`MNIST`.

    Parameters, items and errors are those of :class:`MNIST`. Every class has the same number of images, which is
    checked in place of an MD5.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", 2017, arXiv:1708.07747; MIT.
    """

    source: ClassVar[DataSource] = sources.add(
        "fashion-mnist",
        DataSource(
            "fashion-mnist",
            _FILES,
            "call FashionMNIST(download=True), or put the IDX files (plain or .gz) there",
            layouts=("FashionMNIST/raw",),
        ),
    )
    url: ClassVar[str] = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
    packed_md5: ClassVar[Mapping[str, str]] = dict(
        zip(
            _FILES,
            (
                "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "25c81989df183df01b3e8a0aad5dffbe",
                "bef4ecab320f06d8554ea6380940ec79",
                "bb300cfdad3c16e7a12a480ee83cd310",
            ),
            strict=True,
        )
    )
    # Complete copies circulate whose images are in another order than the original files (classes interleaved 0..9,
    # 0..9, ...; unpacked training images 47efd753255a5937dfb35de39f99b565), so an MD5 would refuse good data.
    unpacked_md5: ClassVar[Mapping[str, str]] = {}
    balanced: ClassVar[bool] = True
    classes: ClassVar[tuple[str, ...]] = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )


def _check_balance(labels: np.ndarray, path: Path) -> None:
    counts = np.bincount(labels, minlength=10).tolist()
    if counts != [len(labels) // 10] * 10:
        raise DataError(f"{path}: images per class are {counts}, not {len(labels) // 10} of each of 10; get the file again")
