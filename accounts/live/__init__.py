"""Tell open tabs and apps at once what happens to their sign-ins.

Owns the streams of one process, the tickets that open them, and the check whether a sign-in may have
one. Writes no row, and never extends a sign-in. `api.events` serves the streams by HTTP.
"""
