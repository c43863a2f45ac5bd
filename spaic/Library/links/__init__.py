"""Link types."""

from spaic.Library.links import dense, dropout, image

__all__ = ["dense", "dropout", "image"]
