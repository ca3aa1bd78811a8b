"""Set up the providers and our client at each."""

from accounts.federation.providers import addresses
from config.settings.base import DEMO, DEMO_PORT, env

KAKAO_APP_ID = env.str("KAKAO_APP_ID", default="")
PROVIDER_CLIENTS = {
    "google": addresses.Client(
        env.str("GOOGLE_CLIENT_ID", default=""),
        env.str("GOOGLE_CLIENT_SECRET", default=""),
        env.list("GOOGLE_NATIVE_CLIENT_IDS", default=[]),
    ),
    "kakao": addresses.Client(
        env.str("KAKAO_CLIENT_ID", default=""),
        env.str("KAKAO_CLIENT_SECRET", default=""),
        env.list("KAKAO_NATIVE_APP_KEY", default=[]),
        # A system check reports a value that isn't a number.
        int(KAKAO_APP_ID) if KAKAO_APP_ID.isdecimal() else 0,
        env.str("KAKAO_ADMIN_KEY", default=""),
    ),
    "naver": addresses.Client(
        env.str("NAVER_CLIENT_ID", default=""), env.str("NAVER_CLIENT_SECRET", default="")
    ),
}
PROVIDER_STANDINS = addresses.standins(PROVIDER_CLIENTS, demo_port=DEMO_PORT) if DEMO else {}
SOCIALACCOUNT_PROVIDERS, PROVIDER_ORIGINS = addresses.configure(
    PROVIDER_CLIENTS, standins=PROVIDER_STANDINS
)
