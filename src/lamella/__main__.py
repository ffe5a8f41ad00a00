"""`python -m lamella`, the same as the command `lamella`."""

import sys

from lamella.cli import main

sys.exit(main())
