"""`python -m distillrun`."""

import sys

from distillrun.cli import main

if __name__ == "__main__":
    sys.exit(main())
