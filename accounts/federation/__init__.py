"""Sign-in by a provider: Google, Kakao, Naver.

Proves which account at the provider a person has, and keeps the connection. Never opens a sign-in
by itself: allauth's pipeline does.
"""
