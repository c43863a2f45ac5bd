"""From a live worker to the page, with the peers that need no installation."""

import json
import sys

import against_peers
import performance_page
import pytest
from peers import rounds
from peers.install import ENVIRONMENT_OF, ENVIRONMENTS
from peers.process import PeerError, Process
from peers.works import WORKS


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A tiny work under the name of a real one, measured for real in two modes, and read back from its file."""
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("peers")
    work = WORKS["mlp100_T50"]
    small = replace(work, layers=(replace(work.layers[0], outputs=6), replace(work.layers[1], inputs=6)), batch=4, steps=5)
    settings = rounds.Settings(3, 1, folder, patience=0.0)
    file = folder / "result.json"
    for mode in ("train", "infer"):
        measured = rounds.measure(small, ["plain_torch", "norse"], mode == "train", settings)
        against_peers.store(file, work.name, mode, {**measured, "settings": {"date": "2030-01-02", "threads": 1, "python": "3"}})
    return json.loads(file.read_text())


def test_every_peer_is_timed_in_every_round_and_one_that_is_missing_says_why(results):
    for mode in ("train", "infer"):
        measured = results["works"]["mlp100_T50"][mode]
        assert {name: len(peer["seconds"]) for name, peer in measured["peers"].items()} == {"plain_torch": 3}
        assert all(s > 0 for peer in measured["peers"].values() for s in peer["seconds"])
        assert "--install" in measured["left_out"]["norse"]


def test_first_steps_memory_and_operations_are_recorded(results):
    plain = results["works"]["mlp100_T50"]["train"]["peers"]["plain_torch"]
    assert plain["first_cold"] is None  # it keeps no compiled code
    assert all(plain["first"][part] > 0 for part in ("start", "import", "build", "step"))
    assert plain["memory"]["transient"] >= 0 and plain["agreement"]["equal"] and plain["agreement"]["gradient_error"] == 0
    assert results["works"]["mlp100_T50"]["train"]["operations"]["dense_multiplications"] == 5 * (784 * 6 + 6 * 10)


def test_the_page_says_what_was_measured_and_what_was_not(results):
    page = performance_page.page(results, "result.json")
    assert "| mlp100_T50 | - |" in page  # no time of ours was measured
    assert "Norse is left out" in page and "2030-01-02" in page
    assert "torch.compile" in page and "## Inference" in page


def _with_ours(results, seconds):
    changed = json.loads(json.dumps(results))
    for measured in changed["works"]["mlp100_T50"].values():
        peer = measured["peers"]["plain_torch"]
        measured["peers"]["ours"] = {**peer, "seconds": [seconds] * 3, "first_cold": peer["first"]}
        measured["peers"]["products"] = {**{k: v for k, v in peer.items() if k != "agreement"}, "seconds": [1.0] * 3}
        measured["peers"]["spyx"] = {**peer, "seconds": [2.0] * 3, "agreement": {**peer["agreement"], "equal": False, "differing": 0.5}}
        peer["seconds"] = [4.0] * 3
    return changed


def test_goals_and_losses_are_said(results):
    won = performance_page.page(_with_ours(results, 0.5), "r")
    assert "Training step: 2 of 2 goals reached" in won and "slower than" not in won
    assert "| mlp100_T50 | spyx | 0.25 (0.25-0.25) | 0.25, reached | 0.5 (0.5-0.5) | 0.85, reached | 0.125 (0.125-0.125) | - |" in won
    lost = performance_page.page(_with_ours(results, 3.0), "r")
    assert "Training step: 0 of 2 goals reached" in lost
    assert "spaic is slower than spyx (1.5 times)" in lost


def test_a_peer_with_other_dynamics_is_marked(results):
    page = performance_page.page(_with_ours(results, 0.5), "r")
    assert "2000 (2000-2000) †" in page and "**50.00% differ**" in page


def test_the_page_is_checked(results, tmp_path):
    file = tmp_path / "result.json"
    file.write_text(json.dumps(_with_ours(results, 0.5)))
    command = ["performance_page.py", "--results", str(file), "--docs", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", command)
        performance_page.main()
        assert (tmp_path / "performance.png").stat().st_size > 10_000
        patch.setattr(sys, "argv", [*command, "--check"])
        performance_page.main()
        (tmp_path / "performance.md").write_text("old")
        with pytest.raises(SystemExit, match="it is not what"):
            performance_page.main()


def test_a_result_takes_the_place_of_the_earlier_one(tmp_path):
    file = tmp_path / "r.json"
    for values in ([1.0], [2.0, 3.0]):
        against_peers.store(file, "conv", "train", {"seconds": values})
    against_peers.store(file, "mlp100_T50", "infer", {"seconds": []})
    kept = json.loads(file.read_text())["works"]
    assert list(kept) == ["mlp100_T50", "conv"] and kept["conv"]["train"]["seconds"] == [2.0, 3.0]


def test_a_peer_that_dies_says_its_last_word(tmp_path):
    with pytest.raises(PeerError, match="No module named 'peers.nobody'"):
        Process("nobody", performance_page.Path(sys.executable), 1, tmp_path)


def test_every_peer_of_the_command_line_has_a_module_and_every_environment_a_peer():
    for peer in (*against_peers.PEERS, *against_peers.README_PEERS):
        assert (against_peers.RESULTS.parent / "peers" / f"{peer}.py").is_file()
    assert set(ENVIRONMENT_OF.values()) == set(ENVIRONMENTS)


@pytest.mark.skipif(not list(performance_page.RESULTS.glob("*.json")), reason="no results are committed")
def test_the_page_in_docs_is_what_the_committed_results_say(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["performance_page.py", "--check"])
    performance_page.main()


def test_a_peer_that_is_too_slow_is_timed_once(tmp_path):
    from dataclasses import replace

    work = WORKS["mlp100_T50"]
    small = replace(work, layers=(replace(work.layers[0], outputs=6), replace(work.layers[1], inputs=6)), batch=4, steps=5)
    measured = rounds.measure(small, ["products"], False, rounds.Settings(3, 1, tmp_path, slowest=0.0, patience=0.0))
    peer = measured["peers"]["products"]
    assert len(peer["seconds"]) == 1 and peer["memory"] is None and measured["operations"] is None
