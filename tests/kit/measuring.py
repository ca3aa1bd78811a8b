"""Note which lines run, from the start of each pytest process: loaded before the product is.

Nothing happens unless COVERAGE_PROCESS_START names a file.
"""

import coverage

coverage.process_startup()
