"""Turn a row of one source into a `Person`: one module for each source.

Never reads a file and never writes the database.
"""
