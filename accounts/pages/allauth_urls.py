"""Route to our versions of allauth's pages, under allauth's names. List these before allauth's own."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import path

from accounts.pages import allauth_views as views
from accounts.pages import code_views, factor_views

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
    path("2fa/", factor_views.IndexView.as_view(), name="mfa_index"),
    path("2fa/totp/activate/", factor_views.ActivateTOTPView.as_view(), name="mfa_activate_totp"),
    path(
        "2fa/totp/deactivate/",
        factor_views.DeactivateTOTPView.as_view(),
        name="mfa_deactivate_totp",
    ),
    path(
        "2fa/recovery-codes/generate/",
        factor_views.GenerateRecoveryCodesView.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path("2fa/enrol/", factor_views.EnrolView.as_view(), name="mfa_enrol"),
    path("2fa/authenticate/", factor_views.AuthenticateView.as_view(), name="mfa_authenticate"),
    path(
        "2fa/reauthenticate/",
        factor_views.ReauthenticateView.as_view(),
        name="mfa_reauthenticate",
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
    path(
        "login/code/confirm/",
        login_not_required(code_views.ConfirmLoginCodeView.as_view()),
        name="account_confirm_login_code",
    ),
]
if settings.SIGN_IN_BY_CODE:
    view = code_views.RequestLoginCodeView.as_view()
    urlpatterns.append(path("login/code/", view, name="account_request_login_code"))
