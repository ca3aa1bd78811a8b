from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns
from django.urls import path

from accounts.social.kakao import webhook
from accounts.social.kakao.provider import KakaoProvider

urlpatterns = [
    *default_urlpatterns(KakaoProvider),
    path("kakao/unlinked/", webhook.unlinked, name="kakao_unlinked"),
]
