"""The addresses of pages that replace allauth's. They come before allauth's own, under its names."""

from django.urls import path

from accounts.pages import allauth_views as views

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="account_login"),
    path("reauthenticate/", views.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path(
        "reauthenticate/by/<str:provider>/",
        views.ReauthenticateByProviderView.as_view(),
        name="account_reauthenticate_by_provider",
    ),
    path(
        "password/change/",
        views.PasswordChangeView.as_view(),
        name="account_change_password",
    ),
]
