"""A misspelt keyword of whatever users call is refused by name, and changes nothing else about what is called."""

import inspect

import pytest
import torch

import spaic
import spaic.Modules
from spaic import registry
from spaic.errors import DeclarationError, SpaicError
from spaic.keywords import named_keywords, refuse_misspelt

MODULES = {"spaic": spaic} | {m: getattr(spaic, m) for m in ("IO", "Learning", "Library", "Monitor", "Plot", "events", "Modules")}
PUBLIC = {f"{name}.{n}": getattr(module, n) for name, module in MODULES.items() for n in module.__all__}
REGISTERED = {f"{kind}: {n}": names[n] for kind, names in vars(registry).items() if isinstance(names, registry.Registry) for n in names}
CALLED = {
    name: item
    for name, item in (PUBLIC | REGISTERED).items()
    if (inspect.isclass(item) or inspect.isfunction(item))
    and not (inspect.isclass(item) and (issubclass(item, BaseException) or inspect.isabstract(item)))
}


def takes_any(item):
    """Whether it hands its keywords on, or has no constructor of its own."""
    if item.__class__ is not type(lambda: 0) and item.__init__ is object.__init__ and item.__new__ is object.__new__:
        return True
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(item).parameters.values())


@pytest.mark.parametrize("name", [n for n, item in CALLED.items() if not takes_any(item)])
def test_a_misspelt_keyword_is_answered_with_a_name(name):
    item = CALLED[name]
    known = [p for p, a in inspect.signature(item).parameters.items() if a.kind in (a.POSITIONAL_OR_KEYWORD, a.KEYWORD_ONLY)]
    slip = known[-1] + "x" if known else "shpae"
    with pytest.raises(SpaicError, match=f"unknown keyword '{slip}'") as caught:
        item(**{slip: 1})
    assert not known or f"did you mean '{known[-1]}'" in str(caught.value) or any(k[:2] == known[-1][:2] for k in known[:-1])


def test_what_is_called_stays_what_it_was():
    assert spaic.fit is spaic.fit and spaic.save is spaic.IO.save and spaic.Rule.__init__.__wrapped__.__qualname__ == "Rule.__init__"
    assert spaic.calibrate.__doc__.startswith("Scale the weights") and list(inspect.signature(spaic.load).parameters)[0]


@pytest.mark.parametrize(
    ("call", "slip", "meant"),
    [("run", "run_tim", "run_time"), ("run_continue", "keep_grad", "keep_gradient"), ("fit", "epocs", "epochs"),
     ("build", "backnd", "backend"), ("evaluate", "decode", "decoder"), ("verify", "backend", "backends"),
     ("set_runtime", "run_time", "runtime"), ("set_backend_dt", "dtt", "dt"), ("load_state_dict", "strickt", "strict")],
)  # fmt: skip
def test_calls_on_a_network(call, slip, meant):
    with pytest.raises(DeclarationError, match=f"net.{call}: unknown keyword '{slip}'; did you mean '{meant}'"):
        getattr(spaic.Network(), call)(**{slip: 1})


def test_calls_on_learners_and_pipelines():
    net = spaic.Network()
    net.cells = spaic.NeuronGroup(2, model="lif")
    net.learner = spaic.STCA(0.5, net)
    for call in (net.learner.fit, net.learner.evaluate):
        with pytest.raises(DeclarationError, match=f"{call.__name__}: unknown keyword 'decodr'; did you mean 'decoder'"):
            call([], decodr=1)
    with pytest.raises(DeclarationError, match="RLPipeline.train: unknown keyword 'early_stopp'; did you mean 'early_stop'"):
        spaic.RLPipeline.train(None, early_stopp=3)


@pytest.mark.parametrize(("slip", "meant"), [("lrr", "lr"), ("schedul", "schedule"), ("beta", "betas"), ("clip_nrm", "clip_norm")])
def test_optimizers(slip, meant):
    with pytest.raises(DeclarationError, match=f"Adam: unknown option '{slip}'; did you mean '{meant}'"):
        spaic.Adam(**{slip: 1})


def test_classes_of_others_stay_as_they_are():
    for kind in (torch.optim.Adam, torch.optim.lr_scheduler.StepLR):
        with pytest.raises(TypeError):
            kind(shpae=1)
        assert not hasattr(kind.__init__, "__wrapped__") or kind.__init__.__wrapped__.__module__.startswith("torch")
        assert kind.__init__.__module__.startswith("torch") and kind.__init__.__code__.co_filename.startswith(torch.__path__[0])


class Counted:
    def __init__(self, start=0):
        self.start = start


def test_a_class_is_checked_once_and_its_children_say_their_own_name():
    first = named_keywords(Counted).__init__
    assert named_keywords(Counted).__init__ is first and Counted(3).start == Counted(start=3).start == 3

    class Child(Counted):
        pass

    with pytest.raises(DeclarationError, match="Child: unknown keyword 'strat'; did you mean 'start'"):
        Child(strat=1)
    with pytest.raises(TypeError, match="positional"):
        Counted(1, 2)


def test_functions_of_a_module_are_exchanged_where_they_are_called_by_name():
    def free(size=1, **options):
        return size, options

    def strict(size=1):
        return size

    names = {"free": free, "strict": strict, "number": 3}
    refuse_misspelt(names, list(names))
    assert names["free"] is free and names["number"] == 3 and names["strict"](2) == 2
    with pytest.raises(DeclarationError, match="strict: unknown keyword 'sise'; did you mean 'size'"):
        names["strict"](sise=2)
