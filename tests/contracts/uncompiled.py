"""Generated code as Python: compiling takes seconds per model, and adds nothing where its speed is not the point."""

import importlib.util
from types import SimpleNamespace

from spaic.Backend.Torch.kernels import fused, island_call
from spaic.Backend.Torch.simulation import simulated_call

_LOADED = {}


def in_python(monkeypatch, folder):
    """Nothing is compiled from here on."""

    def load(text, name, announce=""):
        if text not in _LOADED:
            path = folder / f"kernel_{len(_LOADED)}.py"
            path.write_text(text, encoding="utf-8")
            spec = importlib.util.spec_from_file_location(path.stem, path)
            _LOADED[text] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(_LOADED[text])
        return _LOADED[text]

    for module in (fused, island_call, simulated_call):
        monkeypatch.setattr(module, "jit", SimpleNamespace(load=load))
