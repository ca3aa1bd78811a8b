"""Extend allauth's pages. `accounts.pages.allauth_urls` gives them allauth's names."""

from allauth.account import views

from accounts.pages.waiting import SaysWhen


class LoginView(SaysWhen, views.LoginView):
    pass


class ReauthenticateView(SaysWhen, views.ReauthenticateView):
    pass


class PasswordChangeView(SaysWhen, views.PasswordChangeView):
    pass
