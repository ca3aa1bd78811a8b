"""HTML pages, and the code that allauth and Django call to learn our policy.

Turns requests and signals into calls of the rooms below; decides nothing about sign-ins.
"""
