"""Sign-in by a provider: Google, Kakao, Naver.

Proves who somebody is there and keeps the connection. Never opens a sign-in by itself: allauth's
pipeline does.
"""
