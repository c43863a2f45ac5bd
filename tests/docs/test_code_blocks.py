"""The code of README and docs runs as written: a reader who copies it gets what the page says.

The ``python`` blocks of a file run in order and share their names. A ``text`` block right after a ``python`` block is what that
block prints (``...`` stands for anything). Commands in ``bash`` blocks must exist. Blocks of another language are an error.
"""

import doctest
import importlib.util
import io
import re
import shlex
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from spaic import cli, registry

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "README_cn.md", *sorted((ROOT / "examples").glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
CHINESE = [page for page in PAGES if page.stem.endswith("_cn")]
#: What a Chinese page executes and prints is compared with the English one, which is executed.
EXECUTED = [page for page in PAGES if page not in CHINESE]
LANGUAGES = {"python", "text", "bash", "math"}


def within(page: Path) -> str:
    """Path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


class Block(NamedTuple):
    language: str
    code: str
    line: int
    follows: bool  # nothing but blank lines since the block before


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found, end = [], 0
    for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S):
        follows = bool(found) and not text[end : match.start()].strip()
        found.append(Block(match[1], match[2], text.count("\n", 0, match.start()) + 2, follows))
        end = match.end()
    return found


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    """A folder to write into, pictures without a screen, one thread, registries that forget what a page adds to them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    kept = [(r, dict(r._items), dict(r._aliases)) for r in vars(registry).values() if isinstance(r, registry.Registry)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    for r, items, aliases in kept:
        r._items, r._aliases = items, aliases


@pytest.mark.parametrize("page", EXECUTED, ids=within)
def test_code_runs_and_prints_what_the_page_says(page, sandbox):
    names: dict[str, object] = {"__name__": "__main__"}
    printed = ""
    for block in blocks(page):
        place = f"{page.name}, line {block.line}"
        assert block.language in LANGUAGES, f"{place}: a block of {block.language!r}; mark it as one of {sorted(LANGUAGES)}"
        if block.language == "python":
            printed = run(block, page, names)
        elif block.language == "text" and block.follows and printed:
            same = doctest.OutputChecker().check_output(unpadded(block.code), unpadded(printed), doctest.ELLIPSIS)
            assert same, f"{place}: the code above prints\n{printed}"
            printed = ""


def run(block: Block, page: Path, names: dict[str, object]) -> str:
    """Execute a block under the lines of its page, and return what it prints."""
    output = io.StringIO()
    with redirect_stdout(output):
        exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), names)
    return output.getvalue()


def unpadded(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


@pytest.mark.parametrize("page", PAGES, ids=within)
def test_commands_exist(page):
    for block in blocks(page):
        for command in re.split(r"&&|\n", block.code) if block.language == "bash" else ():
            words = shlex.split(command, comments=True)
            if words:
                check_command(words, f"{page.name}, line {block.line}")


def check_command(words: list[str], place: str) -> None:
    program, *arguments = words
    name = Path(program).name
    if name == "spaic" and arguments[:1]:
        with pytest.raises(SystemExit) as done, redirect_stdout(io.StringIO()):
            cli.main([*arguments, "--help"])
        assert done.value.code == 0, f"{place}: spaic has no {arguments}"
    elif name == "python" and "-m" in arguments:
        assert importlib.util.find_spec(arguments[arguments.index("-m") + 1]), f"{place}: no module for {arguments}"
    elif name == "python":
        assert (ROOT / arguments[0]).is_file(), f"{place}: no file {arguments[0]}"
    else:
        assert name in ("spaic", "pip") or shutil.which(name), f"{place}: no command {name}"
    if "-c" in arguments:
        assert (ROOT / arguments[arguments.index("-c") + 1]).is_file(), f"{place}: no file for -c"


@pytest.mark.parametrize("page", PAGES, ids=within)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"\w+:", target):
            file, _, anchor = target.partition("#")
            linked = (page.parent / file) if file else page
            assert linked.exists(), f"{page.name}: {target} leads nowhere"
            assert not anchor or anchor in anchors(linked), f"{page.name}: {linked.name} has no heading {anchor!r}"


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", CHINESE, ids=within)
def test_both_languages_have_the_same_code(page):
    english, chinese = ([(b.language, b.code) for b in blocks(p)] for p in (page.with_name(page.name.replace("_cn", "")), page))
    assert english == chinese


def test_every_page_that_no_script_writes_is_there_in_both_languages():
    written = {within(page).removesuffix(".md") for page in PAGES if not page.read_text(encoding="utf-8").startswith("<!-- Written by")}
    english = {name for name in written if not name.endswith("_cn")}
    assert "docs/tutorials/training" in english and written == english | {f"{name}_cn" for name in english}
