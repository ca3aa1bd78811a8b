"""Route to our versions of allauth's pages, under allauth's names. List these before allauth's own."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path
from django.views.decorators.cache import never_cache

from accounts.pages import allauth_views as views
from accounts.pages import (
    code_views,
    factor_views,
    passkey_entrance,
    passkey_views,
    recovery_code_views,
    reset_views,
)

urlpatterns = [
    path("login/", views.LoginView.as_view(), name="account_login"),
    path(
        "confirm-email/",
        login_not_required(views.ConfirmEmailView.as_view()),
        name="account_email_verification_sent",
    ),
    path("signup/", views.SignupView.as_view(), name="account_signup"),
    path(
        "signup/passkey/",
        views.SignupByPasskeyView.as_view(),
        name="account_signup_by_passkey",
    ),
    path(
        "signup/passkey/add/",
        passkey_entrance.SignUpView.as_view(),
        name="mfa_signup_webauthn",
    ),
    path("password/reset/", views.PasswordResetView.as_view(), name="account_reset_password"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        login_not_required(views.PasswordResetFromKeyView.as_view()),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        login_not_required(never_cache(views.PasswordResetDoneView.as_view())),
        name="account_reset_password_from_key_done",
    ),
    path("reauthenticate/", views.ReauthenticateView.as_view(), name="account_reauthenticate"),
    path(
        "reauthenticate/by/<str:provider>/",
        views.ReauthenticateByProviderView.as_view(),
        name="account_reauthenticate_by_provider",
    ),
    path("login/passkey/", passkey_entrance.SignInView.as_view(), name="mfa_login_webauthn"),
    path("2fa/passkeys/", passkey_views.ListView.as_view(), name="mfa_list_webauthn"),
    path("2fa/passkeys/later/", passkey_views.LaterView.as_view(), name="passkey_later"),
    path("2fa/passkeys/add/", passkey_views.AddView.as_view(), name="mfa_add_webauthn"),
    path(
        "2fa/passkeys/options/<str:purpose>/",
        login_not_required(passkey_entrance.OptionsView.as_view()),
        name="passkey_options",
    ),
    path(
        "2fa/passkeys/<int:pk>/name/",
        passkey_views.RenameView.as_view(),
        name="mfa_edit_webauthn",
    ),
    path(
        "2fa/passkeys/<int:pk>/remove/",
        passkey_views.RemoveView.as_view(),
        name="mfa_remove_webauthn",
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
        recovery_code_views.GenerateView.as_view(),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/new/",
        recovery_code_views.NewCodesView.as_view(),
        name="mfa_new_recovery_codes",
    ),
    path("2fa/enrol/", factor_views.EnrolView.as_view(), name="mfa_enrol"),
    path("2fa/reset/stop/", reset_views.StopOwnView.as_view(), name="factor_reset_stop_own"),
    path("2fa/reset/stop/<str:token>/", reset_views.StopView.as_view(), name="factor_reset_stop"),
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
