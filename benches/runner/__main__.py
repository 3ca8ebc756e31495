"""``python -m runner``: the same as ``tensorbridge bench``."""

import sys

from .command import main

sys.exit(main(sys.argv[1:]))
