"""Ready networks, to be used as they are or edited."""

from spaic.Library.networks.example import ExampleNet

__all__ = ["ExampleNet"]
