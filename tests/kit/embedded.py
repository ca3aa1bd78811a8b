"""User-Agents of the browsers inside apps, as these apps send them."""

_ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918N Build/UP1A.231005.007; wv) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Version/4.0 Chrome/120.0.6099.144"
)
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148"
)
KAKAOTALK_ANDROID = f"{_ANDROID} Mobile Safari/537.36;KAKAOTALK 2410430"
KAKAOTALK_IPHONE = f"{_IPHONE} KAKAOTALK 10.5.0 (INAPP)"
NAVER_ANDROID = f"{_ANDROID} Whale/1.0.0.0 Mobile Safari/537.36 NAVER(inapp; search; 1000; 11.21.3)"
NAVER_IPHONE = f"{_IPHONE} Safari/605.1 NAVER(inapp; search; 2000; 12.4.3; 14PRO)"
INSTAGRAM_ANDROID = (
    f"{_ANDROID} Mobile Safari/537.36 Instagram 290.0.0.13.76 Android "
    "(33/13; 600dpi; 1440x3088; samsung; SM-S908N; b0q; qcom; ko_KR; 489720155)"
)
INSTAGRAM_IPHONE = (
    f"{_IPHONE} Instagram 289.0.0.18.109 (iPhone14,3; iOS 16_5; ko_KR; ko; scale=3.00)"
)
FACEBOOK_ANDROID = f"{_ANDROID} Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/420.0.0.32.61;]"
FACEBOOK_IPHONE = f"{_IPHONE} [FBAN/FBIOS;FBAV/420.0.0.32.70;FBBV/486]"
MESSENGER_IPHONE = f"{_IPHONE} [FBAN/MessengerForiOS;FBAV/416.0;]"
LINE_ANDROID = f"{_ANDROID} Mobile Safari/537.36 Line/13.10.0/IAB"
LINE_IPHONE = f"{_IPHONE} Safari Line/13.10.0"
BAND_ANDROID = f"{_ANDROID} Mobile Safari/537.36 BAND/17.0.1 (ANDROID 14)"
DAUM_IPHONE = f"{_IPHONE} DaumApps/7.19.0 DaumDevice/mobile"
THREADS_IPHONE = f"{_IPHONE} Barcelona 335.0.0.20.100 (iPhone14,3; iOS 17_5; ko_KR)"
NAMELESS_ANDROID = f"{_ANDROID} Mobile Safari/537.36"
HOME_SCREEN_IPHONE = _IPHONE
BROWSERS = [
    f"{_IPHONE.replace('Mobile', 'Version/17.2 Mobile')} Safari/604.1",
    f"{_IPHONE.replace('Mobile', 'CriOS/120.0.6099.119 Mobile')} Safari/604.1",
    f"{_IPHONE.replace('Mobile', 'FxiOS/121.0 Mobile')} Safari/605.1.15",
    f"{_IPHONE.replace('Mobile', 'GSA/296.0.590 Mobile')} Safari/604.1",
    f"{_IPHONE.replace('Mobile', 'Version/17.2 Mobile')} DuckDuckGo/7 Safari/605.1.15",
    "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 Chrome/115.0.0.0 Mobile Safari/537.36",
]
"""Browsers of phones, which are inside no app."""
