"""Route to our versions of allauth's pages. These routes come first, under allauth's names."""

from django.urls import path

from accounts.pages import allauth_views as views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="account_login"),
    path("reauthenticate/", views.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path(
        "password/change/",
        views.PasswordChangeView.as_view(),
        name="account_change_password",
    ),
]
