"""Pictures of what a network does, what it has learned and what it is.

Every function takes monitors, tensors or arrays, draws into the axes it is given or into a new figure, and returns the axes. None of them
shows a window or changes a setting of matplotlib: ``ax.figure.savefig(path)`` saves a picture, ``plt.show()`` shows it,
``plt.close(ax.figure)`` forgets it.
"""

from spaic.Plot.changes import weight_course, weight_histogram
from spaic.Plot.confusion import confusion_counts, confusion_matrix
from spaic.Plot.fields import kernels, receptive_fields
from spaic.Plot.graph import LinkArrow, NodeBox, draw_graph
from spaic.Plot.network import draw_network
from spaic.Plot.raster import raster
from spaic.Plot.report import training_report
from spaic.Plot.returns import returns
from spaic.Plot.summary import training_summary
from spaic.Plot.traces import traces
from spaic.Plot.training import learning_curve
from spaic.Plot.weights import weight_map
from spaic.Plot.windows import stdp_window

__all__ = [
    "LinkArrow",
    "NodeBox",
    "confusion_counts",
    "confusion_matrix",
    "draw_graph",
    "draw_network",
    "kernels",
    "learning_curve",
    "raster",
    "receptive_fields",
    "returns",
    "stdp_window",
    "traces",
    "training_report",
    "training_summary",
    "weight_course",
    "weight_histogram",
    "weight_map",
]
