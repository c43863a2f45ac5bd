"""How Numba is told operations of a tape."""

from __future__ import annotations

import keyword

from spaic.Backend.Kernels.text.printing import Language

_CALLS = {
    "neg": "-{0}", "pow": "({0} ** {1})", "log": "np.log({0})", "sqrt": "np.sqrt({0})", "sin": "np.sin({0})", "cos": "np.cos({0})",
    "tan": "np.tan({0})", "exp": "exp({0})", "expm1": "expm1({0})", "tanh": "tanh({0})", "sigmoid": "sigmoid({0})",
    "exprel": "exprel({0})", "exprel_slope": "exprel_slope({0})", "abs": "abs({0})", "floor": "np.floor({0})", "sign": "sign({0})",
    "min": "least({0}, {1})", "max": "greatest({0}, {1})", "and": "({0} and {1})", "or": "({0} or {1})", "not": "(not {0})",
    "where": "({1} if {0} else {2})", "select": "({1} if {0} > number(0.0) else {2})", "detach": "{0}",
}  # fmt: skip
#: Functions that LLVM turns into code for several numbers at once, where the system's would be called for each of them.
VECTORISED = ("exp", "expm1", "exprel", "exprel_slope", "sigmoid", "tanh")
#: As torch has them: nan wins.
SCALAR = {
    "least": "def least(a, b):\n    return a if a <= b or a != a else b",
    "greatest": "def greatest(a, b):\n    return a if a >= b or a != a else b",
    "sign": "def sign(a):\n    return number(a > number(0.0)) - number(a < number(0.0))",
}
_OWN = (
    "lo", "hi", "steps", "first_step", "dt", "block", "first", "width", "i", "m", "n", "np", "number", "abs", "scalars", "arrays", "range",
    "len", "min", "place", "forward", "backward", "nan", "inf",
)  # fmt: skip
#: What depends on nothing but the time is computed once per step, in double precision: a float32 cannot tell late steps apart.
PRECISE = Language({**_CALLS, "select": "({1} if {0} > 0.0 else {2})"}, "{0}", frozenset())
LANGUAGE = Language(_CALLS, "number({0})", frozenset((*VECTORISED, *SCALAR, *_OWN, *keyword.kwlist)))
