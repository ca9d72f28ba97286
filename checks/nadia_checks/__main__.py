"""`python -m nadia_checks` is the `nadia` command."""

import sys

from nadia_checks.cli import main

if __name__ == "__main__":
    sys.exit(main())
