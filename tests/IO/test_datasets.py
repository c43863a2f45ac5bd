from __future__ import annotations

import gzip
import hashlib
import shutil
import time
from importlib.resources import files

import numpy as np
import pytest
import torch

from spaic.errors import DataError, InputError, UnknownName
from spaic.IO import MNIST, CustomDataset, Dataset, Digits, FashionMNIST, YinYang
from spaic.IO.datasets.digits import split_by_class
from spaic.IO.datasets.yin_yang import classify, generate, inside
from spaic.IO.download import fetch

TEST_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture
def mnist(shared_data):
    return _present(shared_data / "mnist")


@pytest.fixture
def fashion(shared_data):
    return _present(shared_data / "fashion-mnist")


@pytest.fixture
def yin_yang(shared_data):
    return _present(shared_data / "yin-yang")


def _present(folder):
    if not folder.is_dir():
        pytest.skip(f"no data at {folder}")
    return folder


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """Makes a writable copy of the two test files of a folder, unpacked on request."""

    def copy(folder, unpacked=False):
        target = tmp_path_factory.mktemp("copy")
        for name in TEST_FILES:
            if unpacked:
                (target / name).write_bytes(gzip.decompress((folder / f"{name}.gz").read_bytes()))
            else:
                shutil.copyfile(folder / f"{name}.gz", target / f"{name}.gz")
        return target

    return copy


@pytest.mark.parametrize(("is_train", "samples", "first"), [(True, 60_000, [5, 0, 4, 1]), (False, 10_000, [7, 2, 1, 0])])
def test_mnist_items(mnist, is_train, samples, first):
    dataset = MNIST(mnist, is_train)
    data, label = dataset[0]
    assert data.shape == (784,) and data.dtype == np.float32 and data.min() == 0 and data.max() <= 1
    assert label.dtype == np.int64 and dataset.label[:4].tolist() == first
    assert len(dataset) == samples and dataset.class_number == 10 and dataset.maxNum == 784 and dataset.is_train is is_train
    assert dataset.data.dtype == np.uint8 and dataset.data.max() == 255
    with pytest.raises(IndexError, match=r"\w+: there is no sample -?\d+; give a number from 0 to \d+"):
        dataset[samples]


def test_mean_pixel_of_mnist_is_the_published_one(mnist):
    dataset = MNIST(mnist)
    assert dataset.data.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert dataset.data.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_batch_equals_items(mnist):
    dataset = MNIST(mnist, is_train=False)
    indices = [3, 9999, 3, 0]
    data, labels = dataset.batch(indices)
    assert data.dtype == np.float32 and labels.dtype == np.int64
    np.testing.assert_array_equal(data, [dataset[i][0] for i in indices])
    np.testing.assert_array_equal(labels, [dataset[i][1] for i in indices])


def test_only_the_files_of_the_split_are_needed(mnist, copied):
    packed, plain = copied(mnist), copied(mnist, unpacked=True)
    np.testing.assert_array_equal(MNIST(packed, is_train=False).data, MNIST(plain, is_train=False).data)
    with pytest.raises(DataError, match="train-images-idx3-ubyte, train-labels-idx1-ubyte not found.*download=True"):
        MNIST(plain, is_train=True)


def test_verification_is_cheap(mnist, copied):
    plain = copied(mnist, unpacked=True)
    began = time.perf_counter()
    MNIST(plain, is_train=False)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("name", TEST_FILES)
def test_a_changed_byte_of_mnist_is_noticed(mnist, copied, name):
    folder = copied(mnist, unpacked=True)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match="MD5"):
        MNIST(folder, is_train=False)


def test_a_wrong_shape_is_noticed(mnist, copied):
    folder = copied(mnist)
    shutil.copyfile(folder / f"{TEST_FILES[1]}.gz", folder / f"{TEST_FILES[0]}.gz")
    with pytest.raises(DataError, match=r"shape \(10000,\), MNIST has uint8 of shape \(10000, 28, 28\)"):
        MNIST(folder, is_train=False)


@pytest.mark.parametrize("is_train", [True, False])
def test_fashion_mnist_items(fashion, is_train):
    dataset = FashionMNIST(fashion, is_train)
    assert np.bincount(dataset.label).tolist() == [len(dataset) // 10] * 10
    assert dataset[1][0].shape == (784,) and dataset.class_number == len(dataset.classes) == 10


def test_fashion_mnist_may_be_in_another_order_but_not_unbalanced(fashion, copied):
    folder = copied(fashion, unpacked=True)
    path = folder / TEST_FILES[1]
    content = path.read_bytes()
    path.write_bytes(content[:8] + content[8:][::-1])
    assert FashionMNIST(folder, is_train=False).label[0] == content[-1]
    path.write_bytes(content[:8] + bytes([(content[8] + 1) % 10]) + content[9:])
    with pytest.raises(DataError, match="images per class"):
        FashionMNIST(folder, is_train=False)


def test_download_fetches_checks_and_leaves_nothing_half(mnist, tmp_path, monkeypatch):
    monkeypatch.setattr(MNIST, "url", mnist.as_uri() + "/")
    packed = {name: hashlib.md5((mnist / f"{name}.gz").read_bytes()).hexdigest() for name in TEST_FILES}
    monkeypatch.setattr(MNIST, "packed_md5", {**packed, TEST_FILES[1]: "0" * 32})
    with pytest.raises(DataError, match=f"{packed[TEST_FILES[1]]} instead of 000"):
        MNIST(tmp_path / "new", is_train=False, download=True)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [f"{TEST_FILES[0]}.gz"]
    monkeypatch.setattr(MNIST, "packed_md5", packed)
    assert len(MNIST(tmp_path / "new", is_train=False, download=True)) == 10_000
    monkeypatch.setattr(MNIST, "url", "http://127.0.0.1:9/")
    assert len(MNIST(tmp_path / "new", is_train=False, download=True)) == 10_000  # nothing left to fetch


def test_download_without_network_names_address_and_file(tmp_path, monkeypatch):
    monkeypatch.setattr(MNIST, "url", "http://127.0.0.1:9/")
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz: could not be downloaded from http://127.0.0.1:9/t10k.*put the file"):
        MNIST(tmp_path, is_train=False, download=True)
    assert list(tmp_path.iterdir()) == []


def test_download_into_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    source = tmp_path / "source"
    source.write_bytes(b"x")
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch(source.as_uri(), tmp_path / "file" / "target", "0" * 32)


def test_digits_split():
    train, test = Digits(), Digits(is_train=False)
    assert (len(train), len(test)) == (1437, 360)
    together = np.bincount(train.label) + np.bincount(test.label)
    assert together.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (np.abs(np.bincount(test.label) - together / 5) < 1).all()
    data, label = train[0]
    assert data.shape == (64,) and data.dtype == np.float32 and label.dtype == np.int64
    assert train.batch(range(len(train)))[0].max() == 1 and train.maxNum == 64 and train.class_number == 10


def test_digits_split_covers_everything_once_and_interleaves():
    labels = np.concatenate([Digits().label, Digits(False).label])
    train, test = split_by_class(labels)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(1797))
    with np.load(files("spaic.IO.datasets").joinpath("digits.npz"), allow_pickle=False) as stored:
        _, test = split_by_class(stored["labels"])
    assert np.diff(test).max() < 40 and test[0] < 40 and test[-1] > 1797 - 40


def test_digits_are_those_of_scikit_learn():
    original = pytest.importorskip("sklearn.datasets").load_digits()
    with np.load(files("spaic.IO.datasets").joinpath("digits.npz"), allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["images"], original.data)
        np.testing.assert_array_equal(stored["labels"], original.target)
    assert "10.24432/C50P49" in files("spaic.IO.datasets").joinpath("digits_LICENSE.txt").read_text()


@pytest.mark.parametrize(("split", "samples"), [("train", 5000), ("valid", 1000), ("test", 1000)])
def test_yin_yang_files_follow_the_geometry(yin_yang, split, samples):
    dataset = YinYang(yin_yang, split)
    assert len(dataset) == samples and dataset.class_number == 3 and dataset.maxNum == 4
    assert dataset[0][0].dtype == np.float32 and dataset[0][1].dtype == np.int64
    name = "validation" if split == "valid" else split
    points = np.load(yin_yang / f"{name}_samples.npy", allow_pickle=False)
    assert inside(points[:, :2]).all()
    np.testing.assert_array_equal(classify(points[:, :2]), dataset.label)
    np.testing.assert_allclose(points[:, 2:], 1 - points[:, :2], atol=1e-15)


def test_yin_yang_split_by_is_train(yin_yang):
    assert len(YinYang(yin_yang)) == 5000
    assert len(YinYang(yin_yang, is_train=False)) == 1000
    with pytest.raises(UnknownName, match="did you mean 'valid'"):
        YinYang(yin_yang, "validate")


def test_yin_yang_damage_is_named(yin_yang, tmp_path):
    for path in yin_yang.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    np.save(tmp_path / "test_labels.npy", np.full(1000, 3))
    with pytest.raises(DataError, match="not all 0, 1 or 2"):
        YinYang(tmp_path, "test")
    np.save(tmp_path / "test_labels.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="not a readable"):
        YinYang(tmp_path, "test")
    np.save(tmp_path / "train_samples.npy", np.zeros((5000, 3)))
    with pytest.raises(DataError, match=r"samples \(5000, 3\)"):
        YinYang(tmp_path, "train")


def test_generated_yin_yang_is_reproducible_and_balanced():
    samples, labels = generate(3000, seed=1)
    again, same = generate(3000, seed=1)
    np.testing.assert_array_equal(samples, again)
    np.testing.assert_array_equal(labels, same)
    assert not np.array_equal(samples, generate(3000, seed=2)[0])
    assert samples.shape == (3000, 4) and samples.dtype == np.float32 and labels.dtype == np.int64
    assert (np.abs(np.bincount(labels) - 1000) < 100).all()
    points = samples[:, :2].astype(np.float64)
    assert (classify(points) == labels).mean() > 0.999  # rounding to float32 may cross a border
    assert YinYang.generate(10).class_number == 3
    with pytest.raises(InputError, match="n is 0"):
        generate(0)


@pytest.mark.parametrize("wrap", [np.asarray, torch.tensor, list, lambda rows: [torch.tensor(row) for row in rows]])
def test_custom_dataset_takes_what_holds_numbers(wrap):
    dataset = CustomDataset(wrap([[0, 1], [2, 3], [4, 5]]), wrap([[0], [1], [2]]))
    data, label = dataset[2]
    assert data.tolist() == [4, 5] and data.dtype == np.float32 and label.tolist() == [2] and label.dtype == np.int64
    assert len(dataset) == 3 and dataset.maxNum == 2


def test_custom_dataset_labels():
    assert CustomDataset([[0.0], [1.0]], [2, 0]).class_number == 3
    regression = CustomDataset([[0.0], [1.0]], [0.5, 2.0])
    assert regression.class_number is None and regression[0][1].dtype == np.float32
    assert np.isnan(CustomDataset([[np.nan]], [0])[0][0]).all()


def test_custom_dataset_keeps_gradients_out():
    assert CustomDataset(torch.ones(2, 3, requires_grad=True), [0, 1])[0][0].tolist() == [1, 1, 1]


def test_custom_dataset_of_unequal_samples():
    dataset = CustomDataset([[1, 2, 3], [4]], [0, 1])
    data, labels = dataset.batch([1, 0])
    assert data.dtype == object and [sample.tolist() for sample in data] == [[4], [1, 2, 3]] and labels.tolist() == [1, 0]
    assert dataset[0][0].dtype == np.float32 and dataset.maxNum == 3


@pytest.mark.parametrize(
    ("data", "label", "fault"),
    [
        ([[1], [2]], [0], "2 samples but 1 labels"),
        ([], [], "no samples"),
        ([["a"]], [0], "not numbers"),
        ([[1]], ["cat"], "label.*not numbers"),
        ([[1], [2]], [[0], [0, 1]], "labels differ in shape"),
        (3, [0], "single number"),
        ([[[1], [1, 2]]], [0], "not an array"),
    ],
)
def test_custom_dataset_refuses_by_name(data, label, fault):
    with pytest.raises(InputError, match=fault):
        CustomDataset(data, label)


def test_base_says_what_to_define():
    with pytest.raises(NotImplementedError, match="define __getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="define __len__"):
        len(Dataset())
