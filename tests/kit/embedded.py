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
