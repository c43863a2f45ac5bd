"""Environments of the peers: one throw-away virtual environment per library.

torch goes in first, the one of the repository's constraints.txt, without its dependencies: those it needs on the CPU follow by name, so
that nothing of CUDA comes along. Peers that ask for torch are installed without their dependencies too, which follow in the same way.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"


@dataclass(frozen=True)
class Environment:
    """What a peer needs: packages with their dependencies, then the peer without any, then a trial import."""

    packages: tuple[str, ...]
    peer: tuple[str, ...]
    imports: str
    has_torch: bool = True


_TORCH = ("filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions", "numpy")

#: Name of an environment -> what goes into it.
ENVIRONMENTS = {
    "snntorch": Environment((*_TORCH, "scipy"), ("snntorch==1.0.0",), "snntorch"),
    "spikingjelly": Environment(
        (*_TORCH, "scipy", "h5py", "tqdm", "matplotlib", "packaging", "loguru"),
        ("spikingjelly==2.0.0",),
        "spikingjelly.activation_based.neuron",
    ),
    "norse": Environment((*_TORCH, "h5py", "wheel"), ("nir", "nirtorch", "norse==1.1.0"), "norse.torch"),
    "sinabs": Environment((*_TORCH, "h5py", "matplotlib"), ("pbr", "nir<=1.0.4", "nirtorch", "sinabs"), "sinabs.layers"),
    "spyx": Environment(("jax", "spyx==1.0.0"), (), "spyx", has_torch=False),
    "original": Environment((*_TORCH, "scipy", "matplotlib", "tqdm", "h5py", "pyyaml"), ("SPAIC==0.6.3.0.0",), "spaic"),
}

#: Peer -> its environment; the others run in the interpreter of the command.
ENVIRONMENT_OF = {name: name for name in ("snntorch", "spikingjelly", "norse", "sinabs", "spyx")} | {"readme_original": "original"}


def python_of(peer: str, folder: Path) -> Path:
    """The interpreter that a peer runs in."""
    return folder / ENVIRONMENT_OF[peer] / "bin" / "python" if peer in ENVIRONMENT_OF else Path(sys.executable)


def install(folder: Path) -> dict[str, str]:
    """Make the environments that are not there yet; name -> why it could not be made, for those that could not."""
    failed = {}
    for name, environment in ENVIRONMENTS.items():
        print(f"{name}: {folder / name}", flush=True)
        try:
            _make(environment, folder / name)
        except subprocess.CalledProcessError as error:
            failed[name] = _reason(error)
            print(f"  left out: {failed[name]}")
    return failed


def _make(environment: Environment, folder: Path) -> None:
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    elif _imports(environment, python):
        return
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if environment.has_torch:
        pip += ["-c", str(CONSTRAINTS)]
        _run([*pip, "--no-deps", "torch"])
    _run([*pip, *environment.packages])
    if environment.peer:
        _run([*pip, "--no-deps", *environment.peer])
    _run([str(python), "-c", f"import {environment.imports}"])


def _imports(environment: Environment, python: Path) -> bool:
    return subprocess.run([str(python), "-c", f"import {environment.imports}"], capture_output=True, check=False).returncode == 0


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _reason(error: subprocess.CalledProcessError) -> str:
    """The last line of what a command said."""
    said = [line for line in (error.stderr or error.stdout or "").strip().splitlines() if not line.startswith("WARNING")]
    return said[-1][:300] if said else f"{error.cmd[0]} ended with {error.returncode}"
