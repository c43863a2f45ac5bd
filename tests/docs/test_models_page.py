import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_declarations_say():
    """In a process of its own: other tests add entries to the registries."""
    done = subprocess.run([sys.executable, "docs/generate_models.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stale_page_is_noticed(tmp_path):
    script = tmp_path / "generate_models.py"
    script.write_bytes((ROOT / "docs" / "generate_models.py").read_bytes())
    (tmp_path / "models.md").write_text("old", encoding="utf-8")
    done = subprocess.run([sys.executable, str(script), "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "it is not what the declarations say" in done.stderr


def test_every_registered_name_has_a_section():
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    for name in ("lif", "first_order", "atan", "conv", "latency", "ramp", "max_voltage", "kaiming_normal", "stca", "reference"):
        assert f"\n### {name}\n" in page
