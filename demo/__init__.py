"""What only a laptop needs: demo accounts, a frontend, stand-in providers, a mail viewer.

Installed under DEMO=1. The product never imports it.
"""
