from django.urls import path

from accounts.pages import (
    denial_views,
    ended_views,
    invitation_views,
    leaving_views,
    link_views,
    proposal_views,
    session_views,
    views,
)

app_name = "accounts"

urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("profile/", views.ProfileView.as_view(), name="profile"),
    path("delete/", leaving_views.AccountDeletionView.as_view(), name="deletion"),
    path("data/", leaving_views.PersonalDataView.as_view(), name="data"),
    path("invitation/<str:token>/", invitation_views.LinkView.as_view(), name="invitation"),
    path("ended/", ended_views.EndedView.as_view(), name="ended"),
    path("activity/", views.ActivityView.as_view(), name="activity"),
    path("activity/not-me/", denial_views.OwnDenialView.as_view(), name="own-denial"),
    path("not-me/", denial_views.DenialView.as_view(), name="denial"),
    path("not-me/<str:token>/", denial_views.DenialLinkView.as_view(), name="denial-link"),
    path("email/confirm/<str:token>/", proposal_views.ConfirmView.as_view(), name="email-confirm"),
    path("email/stop/<str:token>/", proposal_views.StopView.as_view(), name="email-stop"),
    path("3rdparty/link/", link_views.SocialLinkView.as_view(), name="social-link"),
    path("continue/<str:key>/", views.ContinueView.as_view(), name="continue"),
    path("sessions/", session_views.SessionListView.as_view(), name="session-list"),
    path(
        "sessions/revoke-others/",
        session_views.SessionRevokeOthersView.as_view(),
        name="session-revoke-others",
    ),
    path(
        "sessions/trusted/<uuid:id>/end/",
        session_views.TrustedBrowserEndView.as_view(),
        name="trusted-browser-end",
    ),
    path(
        "sessions/<uuid:sid>/revoke/",
        session_views.SessionRevokeView.as_view(),
        name="session-revoke",
    ),
]
