from __future__ import annotations

import math
from collections import Counter, OrderedDict, defaultdict, namedtuple
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from spaic.errors import DataError
from spaic.IO.files import container
from spaic.IO.files.codec import decode, encode
from tests.IO.files.test_container import NUMBERS

Pair = namedtuple("Pair", "a b")
Colour = IntEnum("Colour", "red green")


def through(value, tmp_path=None):
    """`value` encoded and decoded, by way of a file if there is a folder."""
    arrays = {}
    tree = {"value": encode(value, arrays, "value")}
    if tmp_path is not None:
        tree, arrays = container.read(container.write(tmp_path / "file", tree, arrays))
    return decode(tree["value"], arrays)


def assert_same(found, value):
    """Equal in type, order, bits and sign at every level."""
    assert type(found) is type(value)
    if isinstance(value, torch.Tensor):
        assert found.dtype is value.dtype and found.shape == value.shape and found.device.type == "cpu"
        if value.numel():  # torch cannot view nothing as bytes
            assert torch.equal(*(tensor.reshape(-1).view(torch.uint8) for tensor in (found, value)))
    elif isinstance(value, np.ndarray):
        assert found.dtype == value.dtype and found.shape == value.shape and found.tobytes() == value.tobytes()
    elif isinstance(value, dict):
        assert len(found) == len(value)
        for (key, entry), (other, expected) in zip(found.items(), value.items(), strict=True):
            assert_same(key, other)
            assert_same(entry, expected)
    elif isinstance(value, (list, tuple)):
        assert len(found) == len(value)
        for entry, expected in zip(found, value, strict=True):
            assert_same(entry, expected)
    else:
        assert found == value if isinstance(value, int) else repr(found) == repr(value)


KEYS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(["$", "$tuple", "$dict", "\ud800"]),
    lambda inner: st.tuples(inner, inner),
    max_leaves=3,
)
ARRAYS = npst.arrays(NUMBERS.filter(lambda dtype: dtype.isnative), npst.array_shapes(min_dims=0, min_side=0))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.text(st.characters(categories=["Cs"]), max_size=3)
    | ARRAYS
    | ARRAYS.map(lambda array: torch.from_numpy(array.copy()))
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(value=VALUES)
def test_anything_comes_back_through_a_file(tmp_path_factory, value):
    assert_same(through(value, tmp_path_factory.getbasetemp()), value)


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        -(2**63),
        2**64,
        -(2**200),
        10**5000,
        -0.0,
        math.nan,
        math.inf,
        -math.inf,
        5e-324,
        0.1 + 0.2,
        "",
        "\0",
        "\ud83d\ude00",
        "😀",
        {},
        [],
        (),
        {"$tuple": [1]},
        {"$": {"$dict": []}},
        {1: "a", "1": "b", (1, "x"): "c", None: "d", 2.5: "e"},
        {True: 1, 0: 2},
        {math.nan: 1, "b": 2},
        Counter({3: 2, 5: 0, 7: -1}),
        OrderedDict([("b", 1), ("a", 2)]),
        np.random.default_rng(0).bit_generator.state,
        np.random.RandomState(0).get_state(),
        __import__("random").Random(0).getstate(),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, int) else f"int of {value.bit_length()} bits",
)
def test_special_values_come_back(tmp_path, value):
    assert_same(through(value, tmp_path), value)


@pytest.mark.parametrize("key", [math.nan, "\ud800", 10**5000, ("a", (1, None))], ids=["nan", "surrogate", "large", "nested"])
def test_keys_come_back_in_pairs(tmp_path, key):
    assert_same(through({key: [1], "x": np.zeros(2)}, tmp_path), {key: [1], "x": np.zeros(2)})


@pytest.mark.parametrize(
    "dtype",
    [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64]
    + [torch.float16, torch.bfloat16, torch.float32, torch.float64],
    ids=str,
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_tensors_come_back(tmp_path, dtype, shape):
    value = (torch.arange(math.prod(shape)).reshape(shape) % 2).to(dtype)
    found = through({"t": value}, tmp_path)["t"]
    assert_same(found, value)
    found.fill_(1)  # its own memory


def test_bfloat16_keeps_every_bit(tmp_path):
    value = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    assert_same(through(value, tmp_path), value)


def test_tensors_of_every_layout_come_back(tmp_path):
    whole = torch.arange(24.0).reshape(2, 3, 4)
    value = {
        "T": whole.mT,
        "part": whole[:, ::2, 1:],
        "wide": whole[0, 0].expand(5, 4),
        "parameter": torch.nn.Parameter(whole, requires_grad=True),
    }
    found = through(value, tmp_path)
    for name, tensor in value.items():
        assert type(found[name]) is torch.Tensor and torch.equal(found[name], tensor) and not found[name].requires_grad


def test_numpy_scalars_become_those_of_python():
    value = [
        np.float32(0.1),
        np.float64(2.5),
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.bool_(True),
        np.str_("a"),
        np.float64("nan"),
        np.float16(1),
    ]
    assert repr(through(value)) == repr([float(np.float32(0.1)), 2.5, -3, 2**64 - 1, True, "a", math.nan, 1.0])
    assert repr(through({np.int64(3): 1})) == "{3: 1}"


def test_the_state_of_an_optimizer_comes_back(tmp_path):
    weights = [torch.nn.Parameter(torch.randn(3, 2)), torch.nn.Parameter(torch.randn(2))]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    for _ in range(3):
        sum(weight.square().sum() for weight in weights).backward()
        optimizer.step()
        schedule.step()
    for state in (optimizer.state_dict(), schedule.state_dict()):
        assert_same(through(state, tmp_path), state)


def test_arrays_lie_under_their_paths():
    arrays = {}
    tree = encode(
        {
            "layer1.weight": np.zeros(1),
            "layer1": {"weight": np.ones(1)},
            "list": [0, np.zeros(2)],
            3: np.zeros(3),
            "two words\n": np.zeros(4),
            "": np.zeros(5),
        },
        arrays,
        "net",
    )
    assert list(arrays) == ["net.layer1.weight", "net.layer1.weight#2", "net.list[1]", "net[3]", r"net['two words\n']", "net['']"]
    assert_same(decode(tree, arrays)["layer1"]["weight"], np.ones(1))
    arrays = {}
    encode({"layer1.weight": np.zeros(1)}, arrays, "")
    encode(np.zeros(1), arrays, "")
    assert list(arrays) == ["layer1.weight", "value"]


def test_arrays_are_not_copied():
    array, tensor, arrays = np.zeros(3), torch.zeros(3), {}
    tree = encode([array, tensor], arrays, "")
    assert arrays["[0]"] is array and np.shares_memory(arrays["[1]"], tensor.numpy())
    found = decode(tree, arrays)
    assert found[0] is array and found[1].data_ptr() == tensor.data_ptr()


def test_read_only_arrays_become_tensors_that_can_change(recwarn):
    arrays = {"a": np.zeros(2)}
    arrays["a"].flags.writeable = False
    decode({"$tensor": "a"}, arrays).add_(1)
    assert arrays["a"].tolist() == [0, 0] and not recwarn.list


def nested(levels, kind):
    value = 1
    for _ in range(levels):
        value = {"list": [value], "tuple": (value,), "dict": {"a": value}, "pairs": {0: value}}[kind]
    return value


@pytest.mark.parametrize("kind", ["list", "tuple", "dict", "pairs"])
def test_64_levels_come_back_and_no_more(tmp_path, kind):
    value = nested(64, kind)
    assert_same(through(value, tmp_path), value)
    with pytest.raises(DataError, match="nested deeper than 64 levels"):
        encode(nested(65, kind), {}, "value")


CIRCLE: list[object] = [1]
CIRCLE.append({"a": (CIRCLE,)})


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (lambda x: x, r"a\.b\[1\]: a function cannot be stored in a file; "),
        (print, r"a\.b\[1\]: a function"),
        (torch.relu, r"a\.b\[1\]: a function"),
        (int, r"a class \(int\)"),
        (torch.Tensor, r"a class \(Tensor\)"),
        ({1, 2}, "type set"),
        (frozenset(), "type frozenset"),
        (1j, "type complex"),
        (b"x", "type bytes"),
        (bytearray(), "type bytearray"),
        (range(3), "type range"),
        (Fraction(1, 2), "type Fraction"),
        (object(), "type object"),
        (Pair(1, 2), "type Pair"),
        (Colour.red, "type Colour"),
        (defaultdict(list), "type defaultdict"),
        (torch.Size([1]), "type Size"),
        (torch.float32, "type dtype"),
        (torch.nn.Linear(1, 1), "type Linear"),
        (type("Fake", (), {"detach": lambda self: self})(), "type Fake"),
        (np.complex64(1), "type complex64"),
        (np.longdouble(1), "type longdouble"),
        (np.datetime64("2020"), "type datetime64"),
        (np.ma.masked_array([1]), "type MaskedArray"),
        (np.array([None]), "an array of type object"),
        (np.array(["a"]), "an array of type <U1"),
        (np.zeros(1, complex), "an array of type complex128"),
        (torch.zeros(1, dtype=torch.complex64), "an array of type complex64"),
        (torch.zeros(1).to(torch.float8_e4m3fn), "a tensor of type torch.float8_e4m3fn"),
        (torch.eye(2).to_sparse(), "sparse"),
        (torch.zeros(1, device="meta"), "without content"),
        (CIRCLE, r"a\.b\[1\]\[1\]\.a\[0\]: this contains itself"),
        ({b"k": 1}, "the key b'k' is of type bytes"),
        ({(1, frozenset()): 1}, "the key .* is of type tuple"),
        ({Colour.red: 1}, "the key .* is of type Colour"),
        ({"x": {"y": {1.5: {2}}}}, r"a\.b\[1\]\.x\.y\[1\.5\]: a value of type set"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_cannot_be_stored_is_named(value, fault):
    with pytest.raises(DataError, match=rf"^a\.b\[1\].*{fault}" if not fault.startswith(r"a\.b") else f"^{fault}"):
        encode({"b": [0, value]}, {}, "a")


def test_what_is_there_twice_is_no_circle():
    shared = [1, 2]
    assert through({"a": shared, "b": [shared, (shared,)]}) == {"a": [1, 2], "b": [[1, 2], ([1, 2],)]}


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        ({"$tupel": [1]}, "unknown tag '.tupel'; did you mean '.tuple'"),
        ({"$" + "x" * 100_000: 1}, "unknown tag"),
        ({"$tuple": [1], "a": 2}, "a tag and other keys"),
        ({"a": 2, "$dict": []}, "a tag and other keys"),
        ({1: 2}, "unknown tag 1"),
        ({"$tuple": 1}, "is not a list"),
        ({"$tuple": {"a": 1}}, "is not a list"),
        ({"$dict": {"a": 1}}, "list of pairs"),
        ({"$dict": [["a"]]}, "list of pairs"),
        ({"$dict": [["a", 1, 2]]}, "list of pairs"),
        ({"$dict": [["a", 1], ["a", 2]]}, "a key is there twice"),
        ({"$dict": [[1, 1], [True, 2]]}, "a key is there twice"),
        ({"$dict": [[[1], 1]]}, "a key is a value of type list"),
        ({"$dict": [[{"$tuple": [[1]]}, 1]]}, "a key is a value of type list"),
        ({"$dict": [[{"$array": "w"}, 1]]}, "a key is a value of type ndarray"),
        ({"$ordered": 5}, "list of pairs"),
        ({"$int": 5}, "not a hexadecimal number"),
        ({"$int": "5"}, "not a hexadecimal number"),
        ({"$int": "0x_1"}, "not a hexadecimal number"),
        ({"$float": "1.5"}, "not nan, inf or -inf"),
        ({"$float": 1.5}, "not nan, inf or -inf"),
        ({"$float": []}, "not nan, inf or -inf"),
        ({"$text": "zz"}, "not text in hexadecimal"),
        ({"$text": "ff"}, "not text in hexadecimal"),
        ({"$text": 5}, "not text in hexadecimal"),
        ({"$array": "none"}, "no array 'none'"),
        ({"$array": 5}, "no array 5"),
        ({"$array": ["w"]}, "no array"),
        ({"$tensor": "none"}, "no array 'none'"),
        ({"$bfloat16": "w"}, "stored as uint16, not as torch.float64"),
        ({"$array": "text"}, "stands for the array"),
        ({"$array": "objects"}, "stands for the array"),
        ([{"$array": "w"}, {"$tensor": "w"}], "the array 'w' is there twice"),
        ((1,), "type tuple is no part"),
        (b"x", "type bytes is no part"),
        (np.zeros(1), "type ndarray is no part"),
        (nested(66, "list"), "nested deeper"),
        (nested(66, "dict"), "nested deeper"),
    ],
    ids=lambda value: repr(value)[:25],
)
def test_decode_believes_nothing(tree, fault):
    arrays = {"w": np.zeros(1), "text": "not an array", "objects": np.array([None])}
    with pytest.raises(DataError, match=rf"^state\.x[^:]*: .*{fault}"):
        decode({"x": tree}, arrays, "state")
