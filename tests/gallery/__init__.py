"""A picture of every page, in both languages, light and dark, on a phone and on a desktop.

`make gallery` runs it. It owns what a page must satisfy to be shown: no violation that axe finds, no
error in the console, no sideways scrolling, no text that is left in the other language.
"""
