"""allauth's Kakao views, with addresses from the settings."""

from allauth.socialaccount.providers.kakao import views as stock
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings


class KakaoAdapter(stock.KakaoOAuth2Adapter):
    authorize_url = settings.SOCIALACCOUNT_PROVIDERS["kakao"]["AUTHORIZE_URL"]
    access_token_url = settings.SOCIALACCOUNT_PROVIDERS["kakao"]["ACCESS_TOKEN_URL"]
    profile_url = settings.SOCIALACCOUNT_PROVIDERS["kakao"]["PROFILE_URL"]


oauth2_login = OAuth2LoginView.adapter_view(KakaoAdapter)
oauth2_callback = OAuth2CallbackView.adapter_view(KakaoAdapter)
