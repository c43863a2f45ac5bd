"""What the scripts in docs write, made once for all tests of their pages."""

import importlib.util
import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
#: In a process of its own, as other tests add entries to the registries; what the proofs measure is not measured again.
_ALL = """
import json, sys
sys.path.insert(0, "docs")
import generate_gallery, generate_models, generate_proofs
generate_proofs.order = lambda name, method: "measured"
print(json.dumps({"models": generate_models.models_page(), "gallery": generate_gallery.page(), "proofs": generate_proofs.page()}))
"""


@lru_cache
def generated():
    """Name of a page -> its text as it would be written now."""
    done = subprocess.run([sys.executable, "-c", _ALL], cwd=DOCS.parent, check=False, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def written(name):
    """The text of a page as it is."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def script(name):
    """A script of docs as a module."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
