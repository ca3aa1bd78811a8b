"""Check the settings at the start, so that an unsafe deployment doesn't start.

`manage.py check --deploy` runs all checks. Other commands and the tests run those without the
deploy tag. Each module has one topic, and registers its checks when it is
imported (`config.apps`).
"""
