"""Route to our versions of allauth's pages. These routes come first, under allauth's names."""

from django.contrib.auth.decorators import login_not_required
from django.urls import path

from accounts.pages import allauth_views as views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="account_login"),
    path(
        "confirm-email/",
        login_not_required(views.ConfirmEmailView.as_view()),
        name="account_email_verification_sent",
    ),
    path("signup/", views.SignupView.as_view(), name="account_signup"),
    path("password/reset/", views.PasswordResetView.as_view(), name="account_reset_password"),
    path("reauthenticate/", views.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path(
        "reauthenticate/by/<str:provider>/",
        views.ReauthenticateByProviderView.as_view(),
        name="account_reauthenticate_by_provider",
    ),
    path(
        "reauthenticate/code/",
        views.RequestReauthenticationCodeView.as_view(),
        name="account_request_reauthentication_code",
    ),
    path("email/", views.EmailView.as_view(), name="account_email"),
    path("password/set/", views.PasswordSetView.as_view(), name="account_set_password"),
    path(
        "password/change/",
        views.PasswordChangeView.as_view(),
        name="account_change_password",
    ),
]
