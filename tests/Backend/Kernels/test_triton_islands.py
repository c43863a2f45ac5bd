"""Groups that feed each other, in Triton: its interpreter gives, and gives back, what plain torch does."""

import pytest

from spaic.Backend.Kernels.text import triton_island_text
from spaic.Backend.Torch.kernels import fused_cuda, island_call, looped_cuda
from spaic.Graph.nodes import Input
from spaic.Graph.transforms import OneToOne, Scale
from tests.Backend.Kernels.triton_cases import interpreted, triton
from tests.Backend.test_islands import DT, QUICK, RICH, SLOW, alone, dense, group, link, network
from tests.contracts.test_kernels import compare, data, fires, run

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:triton")


@pytest.fixture(autouse=True)
def in_the_interpreter(monkeypatch):
    """Islands on the CPU go through the kernels of a GPU; how often they did."""
    calls = []

    def interpret(call, name, known):
        calls.append((name, call))
        text = triton_island_text.source(call.island, str(call.dtype).rpartition(".")[2])
        return looped_cuda.run(call, name, known, interpreted(text))

    monkeypatch.setattr(island_call.Call, "run", interpret)
    yield calls
    assert {"forward", "backward"} <= {name for name, _ in calls}


@pytest.mark.parametrize(
    "size, batch, pieces, delay", [(4, 3, (9,), 1), (1, 1, (1,), 1), (7, 2, (2, 1, 4), 3), (4, 2, (4, 3), 30), (65, 2, (4,), 1)]
)
def test_a_group_that_feeds_itself(size, batch, pieces, delay):
    graph = alone(size, delay * DT)
    compare(graph, data(graph, sum(pieces), batch), pieces)


def test_in_single_precision():
    graph = alone()
    fires(compare(graph, data(graph, 12, 3), (5, 7), dtype="float32"), "A")


def several():
    """Noise, two ports, dynamics of synapses, ways of all kinds, numbers that are no spikes."""
    links = [
        link("in", "spikes.O", "A.fast", dense(5, 6, 0.9)),
        link("ab", "A.O", "B.input", dense(6, 9, 0.7, 1), delay=0.0),
        link("ba", "B.O", "A.slow", dense(9, 6, 0.4, 2), delay=2 * DT, synapse=QUICK),
        link("aa", "A.O", "A.fast", OneToOne(6, -0.3), delay=DT),
        link("level", "A.V", "A.slow", dense(6, 6, 0.05, 3), delay=DT),
        link("bb", "B.O", "B.input", Scale(0.2), delay=3 * DT, synapse=SLOW),
    ]
    groups = [group("A", 6, RICH, trained=("tau",), t_ref=DT), group("B", 9, "lif", trained=("tau_m",))]
    return network([Input("spikes", (5,))], groups, links)


def test_several_groups_ports_synapses_and_ways(monkeypatch):
    """Blocks are smaller than groups."""
    monkeypatch.setattr(looped_cuda, "MOST", 4)
    graph = several()
    fires(compare(graph, data(graph, 10, 2), (6, 4)), "A", "B")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("capability", [75, 90])
def test_compiled_for_gpus_that_are_not_there(capability, dtype, in_the_interpreter, tmp_path):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    graph = several()
    run(graph, data(graph, 2, 1), (2,), dtype=dtype)
    with triton.knobs.cache.scope(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPAIC_CACHE", str(tmp_path))
        triton.knobs.cache.dir = str(tmp_path)
        for name, call in in_the_interpreter:
            module = fused_cuda.loaded(triton_island_text.source(call.island, dtype), "island_triton", "island")
            kernel = getattr(module, name)
            types = signature(kernel, call.island, name == "backward", dtype)
            constants = {"BLOCK": 32, "LANES": looped_cuda.LANES}
            source = ASTSource(kernel, types | dict.fromkeys(constants, "constexpr"), constants)
            made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 4, "enable_fp_fusion": False})
            assert made.asm["cubin"] and made.asm["ptx"].count("bar.sync") >= len(call.members)


def signature(kernel, island, goes_back, dtype):
    """The types of the arguments of a kernel."""
    number = {"float32": "*fp32", "float64": "*fp64"}[dtype]
    arrays = iter(triton_island_text.arguments(island, goes_back))
    repeatable, types = triton_island_text.repeatable(island, goes_back), {}
    names = [p.name for p in kernel.params if not p.is_constexpr]
    first = next(k for k, n in enumerate(names) if n.startswith("scalars_"))
    for name in names[:first]:
        types[name] = "*fp64" if name == "dt" else "i32"
    names = iter(names[first:])
    for name in names:
        if name.startswith("scalars_"):
            types[name] = number
            continue
        argument = next(arrays)
        types[name] = "*u8" if getattr(argument.item, "is_byte", False) else number
        if argument in repeatable:
            types[next(names)] = "i32"
    return types
