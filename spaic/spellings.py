"""Names that SPAIC's users write, and what they mean here: the one place where they are translated.

The page docs/spellings.md is printed from these tables.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

from spaic.errors import DeclarationError, reject_unknown

F = TypeVar("F", bound=Callable[..., Any])

#: Class or call -> keyword of SPAIC -> ours.
KEYWORDS: dict[str, dict[str, str]] = {
    "NeuronGroup": {"neuron_model": "model", "parameter_variables": "trainable"},
    "Encoder": {"encoding": "coding_method", "method": "coding_method"},
    "Generator": {"encoding": "coding_method", "method": "coding_method", "target": "dec_target"},
    "Decoder": {"decoding": "coding_method", "method": "coding_method", "target": "dec_target"},
    "Action": {"decoding": "coding_method", "method": "coding_method", "target": "dec_target"},
    "Reward": {"decoding": "coding_method", "method": "coding_method", "target": "dec_target"},
    "Projection": {"ConnectionParameters": "parameters"},
    "IndexConnectPolicy": {"pre_indexs": "pre_indices", "post_indexs": "post_indices"},
    "SurrogateBP": {"surrogate_func": "surrogate"},
    "net.run": {"backend_time": "run_time"},
    "net.run_continue": {"backend_time": "run_time"},
    "net.set_backend_dt": {"backend_dt": "dt"},
}

#: What is named -> spelling of SPAIC, PyTorch, snnTorch or SpikingJelly -> ours. Case, blanks and hyphens never matter.
NAMES: dict[str, dict[str, str]] = {
    "link type": {
        "full_connection": "full",
        "sparse_connection": "sparse",
        "sparse_connect": "sparse",
        "conv_connection": "conv",
        "conv_connect": "conv",
        "pool_connection": "pool",
        "one_to_one_connection": "one_to_one",
        "one_to_one_sparse": "one_to_one",
        "sparse_sparse": "sparse",
        "sparse_connection_sparse": "sparse",
        "spike2mass": "population_mean",
        "dense": "full",
        "linear": "full",
    },
    "neuron model": {"leaky": "lif", "lifnode": "lif"},
    "learning algorithm": {"bptt": "sbp"},
    "synapse": {
        "basic_synapse": "basic",
        "conv_synapse": "conv",
        "directpass_synapse": "directpass",
        "dropout_synapse": "dropout",
        "avgpool_synapse": "avgpool",
        "maxpool_synapse": "maxpool",
        "flatten_synapse": "flatten",
        "upsample_synapse": "upsample",
        "batchnorm2d": "batchnorm",
        "batchnorm2d_synapse": "batchnorm",
        "tdbn": "batchnorm",
        "electrical_synapse": "electrical",
        "gap_junction": "electrical",
    },
    "port": {"wgtsum": "isyn"},
    "optimizer": {"adamx": "adamax", "rpop": "rprop"},
}

#: Class -> attribute or method of SPAIC -> ours.
ATTRIBUTES: dict[str, dict[str, str]] = {
    "Network": {
        "get_parameters": "parameters",
        "get_aprameters": "parameters",
        "get_testparams": "parameters",
        "add_moitor": "add_monitor",
        "test": "evaluate",
    },
    "Monitor": {"time": "times", "grad": "grads"},
    "Dataloader": {"batch_num": "__len__"},
    "GymEnvironment": {"environmet": "environment"},
}

#: What SPAIC's users write in full -> what it means here. Each row is run by a test.
CALLS: dict[str, str] = {
    "spaic.Encoder(loader, encoding='latency')": "the size is that of the first sample; `net.train(epochs=...)` uses the loader",
    "spaic.Encoder(784, encoding='poisson')": "a number first is `num`, a tuple `shape`",
    "spaic.Decoder(decoding='spike_counts', target=net.layer2)": "`num` is that of the target; `spike_counts` is the default code",
    "spaic.NeuronGroup(100, model='lif', param={'tau_m': 8.0, 'V_th': 1.5})": "parameters in a mapping; keywords win, case does not matter",
    "spaic.STCA(0.5, net)": "a number first is `alpha`; `spaic.STBP` likewise",
    "spaic.Learner(trainable=net, algorithm='STCA', alpha=0.5)": "`spaic.STCA(net, alpha=0.5)`",
    "spaic.Adam(lr=0.01, schedule='StepLR', maxstep=1000)": "for every learner that has none; `maxstep`: length of the schedule",
    "net.learner": "the only learner, whatever its name",
    "net.learner.set_optimizer('Adamx', 0.01)": "the torch class Adamax; case does not matter",
    "net.learner.set_schedule('StepLR', 0.5)": "a value below 1 is `gamma`, and `step_size` then 1, with a warning",
    "net.build()": "with `spaic.Torch_Backend()` unless a backend was set",
    "net.run(backend_time=5.0)": "`net.run(5.0)`",
    "net.set_backend('PyTorch', 'cpu')": "names in any case; `cuda` without a GPU warns and takes the CPU",
    "net.set_backend_dt(spaic.Torch_Backend(), 0.5)": "`net.set_backend_dt(0.5)`, with the backend before it",
    "net.set_runtime(5.0)": "duration of runs that do not state one",
    "net.get_aprameters()": "`net.parameters()`",
    "net.add_moitor('watched', spaic.StateMonitor(net.layer1, 'V'))": "`net.add_monitor`",
    "net.save(filename='TestNet')": "one file, `TestNet.spaic`; `spaic.load` makes the network from it",
    "net.save_state('Test1', True)": "the weights, in `Test1.spaic`; a truth value second is `save`",
    "net.state_from_dict(filename='Test1')": "the weights back, strictly",
    "loader.batch_num": "`len(loader)`",
    "spaic.Connection(net.layer1, net.layer2, link_type='full connection')": "link types in any case, with blanks, under their old names",
    "spaic.Connection(net.layer1, net.layer2, syn_type=['basic_synapse'], post_var_name='WgtSum')": "the link; the first port",
    "spaic.Connection(net.layer1, net.layer2, syn_type=['basic', 'dropout'], syn_kwargs={'p': 0.6})": "dropout of what the link delivers",
    "spaic.StateMonitor(net.layer1, 'V', index=[1, 3, 4])": "neuron numbers; `[[1, 3, 4]]` means the same",
    "net.input(data); net.output(label)": "before or after the build; the batch is as large as the data",
    "net.train(epochs=1)": "`net.fit` on the loader of the encoder; `net.train()` alone is training mode",
    "net.test(loader)": "`net.evaluate(loader)`",
    "spaic.Projection(net.layer1, net.layer2, [], 'full', ConnectionParameters={'w_mean': 0.1})": "`parameters`",
    "spaic.IndexConnectPolicy(pre_indexs=[0], post_indexs=[0])": "`pre_indices`, `post_indices`",
}


def keywords(classes: Iterable[str], options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` with the keywords of SPAIC as ours; the same thing under two names is refused.

    Parameters
    ----------
    classes : iterable of str
        Names of the class and its bases, or of the call.
    options : mapping
        As the user gave them.

    Examples
    --------
    >>> keywords(["NeuronGroup", "Element"], {"neuron_model": "lif"})
    {'model': 'lif'}
    """
    found: dict[str, Any] = dict(options)
    for name in classes:
        for theirs, ours in KEYWORDS.get(name, {}).items():
            if theirs not in found:
                continue
            value = found.pop(theirs)
            if found.get(ours) is not None and value is not None:
                raise DeclarationError(f"{name}: {ours} and {theirs} mean the same, so it is given twice; give one of them")
            if found.get(ours) is None:
                found[ours] = value
    return found


def name(kind: str, given: str) -> str:
    """The name meant by `given` among names of a kind.

    Examples
    --------
    >>> name("link type", "Full connection"), name("synapse", "dropout")
    ('full', 'dropout')
    """
    key = given.strip().lower().replace("-", "_").replace(" ", "_")
    return NAMES[kind].get(key, key)


def aliases(kind: str, ours: str) -> tuple[str, ...]:
    """The spellings of SPAIC for one of our names."""
    return tuple(theirs for theirs, meant in NAMES[kind].items() if meant == ours.lower())


def attribute(classes: Iterable[str], given: str) -> str | None:
    """Our name of an attribute of SPAIC, if it is one."""
    return next((ATTRIBUTES[c][given] for c in classes if given in ATTRIBUTES.get(c, {})), None)


def parameter_path(key: str) -> str:
    """Our path of a parameter from the name SPAIC gives it; any other name stays as it is.

    Examples
    --------
    >>> parameter_path("autoname1<net>_connection1<con>:autoname1<net>_layer1<neg><-autoname1<net>_input<nod>:{weight}")
    'connection1.weight'
    """
    owner, _, rest = key.partition(":")
    variable = re.search(r"\{(.+)\}$", rest)
    names = re.findall(r"([^<>]+)<(net|asb|con|prj|neg|nod|mod)>", owner)
    if variable is None or not names:
        return key
    return ".".join([name.removeprefix("_") for name, label in names if label != "net"] + [variable[1]])


def spelled(call: str) -> Callable[[F], F]:
    """A method that also takes the keywords of SPAIC, and answers those that nobody knows with the nearest."""

    def decorate(method: F) -> F:
        names = list(inspect.signature(method).parameters)[1:]

        @wraps(method)
        def translated(self: Any, *args: Any, **options: Any) -> Any:
            ours = keywords([call], options)
            reject_unknown(call, ours, names)
            for name in names[: len(args)]:
                if name in ours:
                    raise DeclarationError(f"{call}: {name} is given twice; give it once")
            return method(self, *args, **ours)

        return translated  # type: ignore[return-value]

    return decorate
