"""Pictures. Every function takes arrays or tensors and returns the axes it drew on; none of them calls ``plt.show``."""

from spaic.Plot.graph import LinkArrow, NodeBox, draw_graph
from spaic.Plot.network import draw_network
from spaic.Plot.raster import raster
from spaic.Plot.report import training_report
from spaic.Plot.summary import training_summary
from spaic.Plot.traces import traces
from spaic.Plot.training import confusion_counts, confusion_matrix, learning_curve

__all__ = [
    "LinkArrow",
    "NodeBox",
    "confusion_counts",
    "confusion_matrix",
    "draw_graph",
    "draw_network",
    "learning_curve",
    "raster",
    "traces",
    "training_report",
    "training_summary",
]
