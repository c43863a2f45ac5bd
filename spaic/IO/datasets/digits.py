"""The UCI handwritten digits: a small real data set that comes with spaic and needs no file."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from spaic.IO.dataset import ArrayDataset

_EVERY = 5  # one image in five is a test image


class Digits(ArrayDataset):
    """1,797 handwritten digits of 8 x 8 pixels: 1,437 for training, 360 for testing.

    Parameters
    ----------
    is_train : bool
        Whether to read the training images, else the test images.

    Notes
    -----
    ``dataset[i]`` is a float32 array of shape (64,) in [0, 1] (the stored 0..16 divided by 16) and an int64 label.

    The split is fixed: images are put in order of class, each class in the order of the file; numbers 0, 5, 10, ...
    of that list are test images. So each class gives a fifth, and both parts span the whole file. It is not a split
    by writer, whose names the file does not hold: accuracies here are those of known hands.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    1998, doi 10.24432/C50P49; CC BY 4.0 (``digits_LICENSE.txt``).
    """

    def __init__(self, is_train: bool = True) -> None:
        self._is_train = bool(is_train)
        with files(__package__).joinpath("digits.npz").open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            images, labels = stored["images"], stored["labels"]
        chosen = split_by_class(labels)[0 if is_train else 1]
        super().__init__(images[chosen], labels[chosen].astype(np.int64), full_scale=16, class_number=10)

    @property
    def is_train(self) -> bool:
        """Whether these are the training images."""
        return self._is_train


def split_by_class(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training and of the test samples, each ascending: see :class:`Digits`."""
    by_class = np.argsort(labels, kind="stable")
    test = np.sort(by_class[::_EVERY])
    return np.setdiff1d(by_class, test), test
