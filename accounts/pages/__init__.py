"""HTML pages, and the places where allauth and Django ask for our policy.

Translates requests and signals into calls of the rooms below; decides nothing about sign-ins.
"""
