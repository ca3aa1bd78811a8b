"""Answer some addresses ahead of Django: those that nearly all traffic asks for.

They say whether a token or a cookie is good and who the caller is, exchange a refresh token, sign in by
password, and sign out. Such a request needs a signature, a row or a session, and takes Django ten times as
long as these (`bench/README.md`).

The gate answers only if it knows each part of the request, and only if the answer is yes. Django gets
everything else as if the gate had not tried: other methods, headers and bodies, every refusal, every limit,
every outage. So Django alone decides which request is refused, and with which text. A view of the gate calls
the same functions as Django's view, and changes nothing before it is sure that the answer is yes. Only the
sign-in does: it counts the attempt before it checks the password, and hands both on, so Django neither counts
nor checks again (`pages.attempts`).

`tests/config/gate/` sends each request both ways and compares the answers.

| Module | Job |
| --- | --- |
| `offered` | decides at the start whether the site has a gate |
| `answering` | tries the view of an address, and gives everything else to Django |
| `plain_requests` | reads a request; returns None if it does not know a part of it |
| `views` | one function for each address |
| `responses` | adds the parts that all answers have: headers, log line, duration |
"""
