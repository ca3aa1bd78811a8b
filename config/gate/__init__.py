"""Answer the requests that make up nearly all traffic ahead of Django.

Is this token good? Is this cookie good? Who am I? The next tokens, please. Sign me in, sign me out. Such a
request needs a signature, a row or a session, and takes Django ten times as long as these (`bench/README.md`).

The gate answers if it knows each part of the request to the letter, and if the answer is yes. Everything else
goes on to Django, which begins anew: other methods, headers and bodies, every refusal, every limit, every
outage. So Django alone decides who is refused, and in which words. A door of the gate calls the same functions
as Django's view, and changes nothing before it is sure of its yes. One does: an attempt to sign in is counted
before its password is checked. It is handed on, so Django neither counts nor checks it again (`pages.attempts`).
`tests/config/gate/` sends each request both ways and compares the answers.

| Module | What it does |
| --- | --- |
| `answering` | tries a door, and gives everything else to Django |
| `asked` | reads a request, or finds that it is not plain enough |
| `doors` | answers: one function for each address |
| `envelope` | adds what all answers have: headers, log line, duration |
"""
