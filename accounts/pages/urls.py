from django.urls import path

from accounts.pages import leaving_views, views

app_name = "accounts"

urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("profile/", views.ProfileView.as_view(), name="profile"),
    path("delete/", leaving_views.AccountDeletionView.as_view(), name="deletion"),
    path("data/", leaving_views.PersonalDataView.as_view(), name="data"),
    path("activity/", views.ActivityView.as_view(), name="activity"),
    path("3rdparty/link/", views.SocialLinkView.as_view(), name="social-link"),
    path("continue/<str:key>/", views.ContinueView.as_view(), name="continue"),
    path("sessions/", views.SessionListView.as_view(), name="session-list"),
    path(
        "sessions/revoke-others/",
        views.SessionRevokeOthersView.as_view(),
        name="session-revoke-others",
    ),
    path("sessions/<uuid:sid>/revoke/", views.SessionRevokeView.as_view(), name="session-revoke"),
]
