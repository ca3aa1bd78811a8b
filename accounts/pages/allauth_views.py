"""allauth's pages where ours do more. `accounts.pages.allauth_urls` gives them allauth's names."""

from allauth.account import views

from accounts.pages.expired import KeepsEmail
from accounts.pages.waiting import SaysWhen


class LoginView(KeepsEmail, SaysWhen, views.LoginView):
    pass


class SignupView(KeepsEmail, views.SignupView):
    pass


class PasswordResetView(KeepsEmail, views.PasswordResetView):
    pass


class ReauthenticateView(SaysWhen, views.ReauthenticateView):
    pass


class PasswordChangeView(SaysWhen, views.PasswordChangeView):
    pass
