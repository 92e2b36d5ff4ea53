"""`python -m monitor` is `pgvigil`."""

import sys

from monitor.cli import main

sys.exit(main())
