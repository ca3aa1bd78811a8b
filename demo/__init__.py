"""Run the site on a laptop: demo accounts, a frontend, stand-in providers, a mail viewer.

Django installs this app only under DEMO=1. The product never imports it.
"""
