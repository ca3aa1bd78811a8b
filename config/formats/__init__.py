"""Set the formats of times in pages and mails, where Django's own read badly in a sentence.

There is one package for each language, named by its code. Django uses its own formats for the others.
"""
