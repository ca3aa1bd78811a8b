"""Bring people in from another system, and write ours out: accounts, addresses, connections, hashes, factors.

A source says what a row of its file means, a format reads the file, and one writer writes the database.
Never touches requests, mails and sign-ins.
"""
