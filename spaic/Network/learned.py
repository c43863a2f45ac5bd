"""What elements carry from one build to another."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Learned:
    """What an element has learned in a build that it is leaving.

    Attributes
    ----------
    origin : int
        Number of the build.
    values : dict of str to ndarray
        Name of a parameter -> value.
    """

    origin: int
    values: dict[str, np.ndarray] = field(default_factory=dict)
