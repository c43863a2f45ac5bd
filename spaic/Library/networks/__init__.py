"""Ready networks, to be used as they are or edited."""

from spaic.Library.networks.balanced import COBA, CUBA
from spaic.Library.networks.conv import ConvNet
from spaic.Library.networks.diehl_cook import DiehlCook
from spaic.Library.networks.dynamic_random import DynamicRandomNetwork, PlasticRandomNetwork
from spaic.Library.networks.example import ExampleNet
from spaic.Library.networks.fan_in import FanInDetector
from spaic.Library.networks.liquid import LiquidStateMachine
from spaic.Library.networks.mean_field import WilsonCowan
from spaic.Library.networks.parallel import ParallelSpikingNeurons
from spaic.Library.networks.recurrent import SHDNet
from spaic.Library.networks.residual import SEWResNet, SpikingResNet
from spaic.Library.networks.ring import RingAttractor

__all__ = [
    "COBA",
    "CUBA",
    "ConvNet",
    "DiehlCook",
    "DynamicRandomNetwork",
    "ExampleNet",
    "FanInDetector",
    "LiquidStateMachine",
    "ParallelSpikingNeurons",
    "PlasticRandomNetwork",
    "RingAttractor",
    "SEWResNet",
    "SHDNet",
    "SpikingResNet",
    "WilsonCowan",
]
