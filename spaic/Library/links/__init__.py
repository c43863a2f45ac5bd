"""Link types."""

from spaic.Library.links import dense, image

__all__ = ["dense", "image"]
