"""Read the `Cookie` header so that no other host can pass its cookies off as ours. Knows no Django.

A browser lets only our host set a cookie whose name begins with `__Host-`. But Django cuts spaces off the names,
also those of Unicode, which browsers take for letters. So a sister host could set `\\u2000__Host-session` for
the whole domain, and Django would read it as `__Host-session`. (Granian empties a header with such a name, so
there it reaches only `/events`. Other servers pass it on.)
"""

BLANK = " \t"


def named_plainly(header: str) -> str:
    """Return the header without the cookies whose name has a character that no name may have (RFC 6265 §4.1.1).

    Takes it as WSGI and ASGI give it, one character for each byte.
    """
    if is_plain(header):
        return header
    return ";".join(pair for pair in header.split(";") if is_plain(_name_in(pair)))


def is_plain(text: str) -> bool:
    """Return True for a text of printable ASCII, in which Django sees the same spaces as a browser."""
    return text.isascii() and text.isprintable()


def _name_in(pair: str) -> str:
    return pair.partition("=")[0].strip(BLANK)
