"""Write times in pages and mails where the formats of Django read badly in a sentence.

Django finds one room for each language by its name, and takes what it lacks from its own formats.
"""
