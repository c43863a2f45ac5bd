from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from spaic.errors import InputError
from spaic.IO import BatchSampler, CustomDataset, Dataloader, Dataset, Digits, RandomSampler, SequentialSampler


@pytest.fixture
def ten():
    return CustomDataset(np.arange(30).reshape(10, 3), np.arange(10))


class Pairs(Dataset):
    """A data set without `batch`."""

    def __init__(self, samples):
        self.samples = samples

    def __getitem__(self, index):
        return self.samples[index]

    def __len__(self):
        return len(self.samples)


def labels_of(loader):
    return [label.tolist() for _, label in loader]


def test_batches_in_order(ten):
    loader = Dataloader(ten, batch_size=4)
    assert labels_of(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(loader) == loader.batch_num == 3 and loader.dataset is ten and loader.batch_size == 4
    data, label = next(iter(loader))
    assert isinstance(data, np.ndarray) and data.dtype == np.float32 and data.shape == (4, 3) and label.dtype == np.int64


def test_drop_last(ten):
    loader = Dataloader(ten, batch_size=4, drop_last=True)
    assert labels_of(loader) == [[0, 1, 2, 3], [4, 5, 6, 7]] and len(loader) == 2
    assert len(Dataloader(ten, batch_size=5, drop_last=True)) == 2


def test_shuffle_depends_on_seed_and_epoch_only(ten):
    loader = Dataloader(ten, batch_size=10, shuffle=True, seed=7)
    first, second = labels_of(loader), labels_of(loader)
    assert first != second and sorted(first[0]) == sorted(second[0]) == list(range(10))
    np.random.seed(3)
    torch.manual_seed(3)
    again = Dataloader(ten, batch_size=10, shuffle=True, seed=7)
    next(iter(again))  # leaving a loop early still counts as an epoch
    assert labels_of(again) == second
    again.epoch = 0
    assert labels_of(again) == first
    assert labels_of(Dataloader(ten, batch_size=10, shuffle=True, seed=8)) != first


def test_order_does_not_depend_on_the_batch_size(ten):
    fine, coarse = (labels_of(Dataloader(ten, batch_size=size, shuffle=True)) for size in (1, 5))
    assert sum(fine, []) == sum(coarse, [])


def test_no_global_random_state_is_used(ten):
    numpy_before, torch_before = np.random.get_state()[1].copy(), torch.random.get_rng_state()
    labels_of(Dataloader(ten, shuffle=True))
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)
    assert torch.equal(torch.random.get_rng_state(), torch_before)


def test_two_loops_at_once_are_two_epochs(ten):
    loader = Dataloader(ten, batch_size=5, shuffle=True)
    apart = [labels_of(loader), labels_of(loader)]
    loader.epoch = 0
    together = list(zip(iter(loader), iter(loader), strict=True))
    assert [[pair[k][1].tolist() for pair in together] for k in (0, 1)] == apart


def test_given_samplers(ten):
    assert labels_of(Dataloader(ten, batch_size=2, sampler=[5, 3, 1])) == [[5, 3], [1]]
    assert labels_of(Dataloader(ten, batch_sampler=[[1], [2, 3]])) == [[1], [2, 3]]
    sampler = RandomSampler(ten, num_samples=4, seed=2)
    drawn = labels_of(Dataloader(ten, batch_size=4, sampler=sampler))
    assert len(set(drawn[0])) == 4
    loader = Dataloader(ten, batch_sampler=BatchSampler(RandomSampler(ten, seed=2), 5))
    assert labels_of(loader) != labels_of(loader)
    assert loader.sampler.num_samples == 10 and loader.drop_last is False


def test_random_sampler_with_replacement(ten):
    sampler = RandomSampler(ten, replacement=True, num_samples=50, seed=1)
    first, second = list(sampler), list(sampler)
    assert len(sampler) == len(first) == 50 and set(first) <= set(range(10)) and first != second
    sampler.set_epoch(0)
    assert list(sampler) == first
    with pytest.raises(InputError, match="num_samples 11 is more than the 10"):
        RandomSampler(ten, num_samples=11)


def test_sequential_sampler(ten):
    assert list(SequentialSampler(ten)) == list(range(10)) and len(SequentialSampler(ten)) == 10


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"sampler": [0], "shuffle": True}, "sampler excludes shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler excludes batch_size"),
        ({"batch_sampler": [[0]], "shuffle": True, "drop_last": True}, "excludes shuffle, drop_last"),
        ({"batch_sampler": [[0]], "sampler": [0]}, "excludes sampler"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": None}, "batch_size is None"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
        ({"batch_size": 11, "drop_last": True}, "with drop_last leaves no batch of 10"),
    ],
)
def test_arguments_that_cannot_be_meant(ten, arguments, fault):
    with pytest.raises(InputError, match=fault):
        Dataloader(ten, **arguments)


def test_settings_cannot_be_changed_silently(ten):
    loader = Dataloader(ten)
    for name in ("batch_size", "sampler", "batch_sampler", "drop_last"):
        with pytest.raises(AttributeError):
            setattr(loader, name, 2)


def test_data_sets_that_cannot_be_read():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(())

    with pytest.raises(InputError, match="a Stream has no length"):
        Dataloader(Stream())
    with pytest.raises(InputError, match="no samples"):
        Dataloader(Pairs([]))


def test_torch_data_sets_and_torch_loaders():
    tensors = TensorDataset(torch.arange(6.0).reshape(3, 2), torch.tensor([2, 1, 0]))
    data, label = next(iter(Dataloader(tensors, batch_size=3)))
    assert type(data) is np.ndarray and data.dtype == np.float32 and label.dtype == np.int64 and label.tolist() == [2, 1, 0]
    subset = torch.utils.data.Subset(Digits(), [4, 2])
    assert next(iter(Dataloader(subset, batch_size=2)))[0].shape == (2, 64)
    data, label = next(iter(DataLoader(Digits(), batch_size=8)))
    assert data.shape == (8, 64) and data.dtype == torch.float32 and label.dtype == torch.int64


def test_a_foreign_method_called_batch_is_not_taken_for_ours():
    class Foreign:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return [float(index)], index

        def batch(self, batch_size):
            raise RuntimeError(batch_size)

    assert next(iter(Dataloader(Foreign(), batch_size=2)))[1].tolist() == [0, 1]


def test_samples_of_unequal_shape_give_object_arrays():
    loader = Dataloader(Pairs([(np.arange(n), n) for n in (3, 1, 2)]), batch_size=3)
    data, label = next(iter(loader))
    assert data.dtype == object and data.shape == (3,) and [len(sample) for sample in data] == [3, 1, 2]
    assert label.dtype == np.int64
    first_axis_equal = Dataloader(Pairs([(np.zeros((2, n)), 0) for n in (3, 1)]), batch_size=2)
    assert [sample.shape for sample in next(iter(first_axis_equal))[0]] == [(2, 3), (2, 1)]


def test_collate_fn_gets_the_samples(ten):
    batch = next(iter(Dataloader(ten, batch_size=2, collate_fn=list)))
    assert [label for _, label in batch] == [0, 1]


@pytest.mark.parametrize(
    ("sample", "fault"),
    [(np.zeros(3), "a ndarray, not a pair"), ((1, 2, 3), "a tuple of 3"), (({"x": 1}, 0), "data: dict"), (([1.0], "cat"), "label: str")],
)
def test_samples_that_are_not_pairs_of_numbers(sample, fault):
    with pytest.raises(InputError, match=fault):
        list(Dataloader(Pairs([sample])))


def test_what_data_are_shown_as():
    dataset = CustomDataset([[0.0], [1.0], [2.0]], [0, 1, 0])
    assert repr(Dataloader(dataset, 2)) == "<Dataloader of <CustomDataset of 3 samples in 2 classes>, 2 batches>"
    assert repr(CustomDataset([[0.0]], [[0.5]])) == "<CustomDataset of 1 sample>"
    assert repr(Dataset()) == "<Dataset>"
