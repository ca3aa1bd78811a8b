"""Measure the coverage of each pytest process, if COVERAGE_PROCESS_START names a file.

pytest loads this module before the product, so that it measures the imports too.
"""

import coverage

coverage.process_startup()
