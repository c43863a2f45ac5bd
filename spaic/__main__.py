"""``python -m spaic`` is the command ``spaic``."""

import sys

from spaic.cli import main

if __name__ == "__main__":
    sys.exit(main())
