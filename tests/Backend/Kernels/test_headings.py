"""What people wrote stays a comment in generated code, and short in the names of its files."""

import ast

import numpy as np
import pytest

from spaic.Backend.Kernels.compiling import cache, jit
from spaic.Backend.Kernels.text import numba_text, triton_text

HOSTILE = ['a"""\nprint("here")\n"""', "a\\", 'a"', "a\r\nprint(1)", 'ends with a quote\\"', "\x00", "\u2028b"]


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize(
    "text", [lambda t: numba_text.module(t, t, "float32", (), [], {}), lambda t: triton_text.module(t, t, "float32", [])]
)
def test_a_title_is_one_doc_string(text, title):
    """The module has the same statements as with a harmless title."""

    def statements(of):
        return [type(node) for node in ast.parse(text(of)).body]

    assert statements(title) == statements("lif")


def test_files_of_long_names_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_private", None)
    monkeypatch.setattr(jit, "_modules", {})
    monkeypatch.setenv("SPAIC_CACHE", str(tmp_path))
    text = '"""Twice."""\n\nKERNELS = ("twice",)\nHELPERS = ()\n\n\ndef twice(lo, hi, x):\n    x[lo:hi] *= 2\n'
    x = np.ones(3)
    jit.load(text, "神经元" * 100).twice.py_func(0, 3, x)
    assert x.tolist() == [2, 2, 2]
    assert [len(p.name) < 80 for p in tmp_path.glob("*.py")] == [True]
