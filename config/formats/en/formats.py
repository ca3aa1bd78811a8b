"""Write "4:59 PM": Django's "4:59 p.m." puts a second full stop at the end of a sentence."""

TIME_FORMAT = "g:i A"
DATETIME_FORMAT = "N j, Y, g:i A"
