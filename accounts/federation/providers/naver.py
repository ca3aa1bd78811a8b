"""Naver: identify a person by the profile API, on the web only.

Naver's access tokens don't say which app they are for, so a native app can't prove anything by one.
"""

import re
from typing import Any

from allauth.utils import get_request_param
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from typing_extensions import override

from accounts.federation.errors import ProviderError, TokenKindError
from accounts.federation.profile import MAX_NAME_CHARACTERS, Profile, Proof, address, mapping, text
from accounts.federation.providers.base import StrictAdapter, StrictProvider
from accounts.federation.wire import fetch

SUCCESS = "00"
USER_ID = re.compile(r"[!-~]{1,64}")


class NaverAdapter(StrictAdapter):
    provider_id = "naver"

    @override
    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        # Naver wants the state here, too. By now allauth has found it to be ours.
        state = {"state": get_request_param(request, "state")}
        code = get_request_param(request, "code")
        answer: dict[str, Any] = client.get_access_token(code, pkce_code_verifier, state)
        return answer

    @override
    def profile(self, answer: dict[str, Any]) -> Profile:
        """Return the person's profile, from `/v1/nid/me`. Raises `ProviderError`.

        The email counts as unverified: it is a contact address, and Naver doesn't say that it was
        verified.
        """
        data = fetch.get(self.options["PROFILE_URL"], bearer=answer["access_token"])
        member = mapping(data.get("response"))
        uid = member.get("id")
        if data.get("resultcode") != SUCCESS:
            raise ProviderError("the profile is refused")
        if not isinstance(uid, str) or not USER_ID.fullmatch(uid):
            raise ProviderError("no user id")
        return Profile(
            uid=uid,
            email=address(member.get("email")),
            name=text(member.get("name"), limit=MAX_NAME_CHARACTERS)
            or text(member.get("nickname"), limit=MAX_NAME_CHARACTERS),
        )


class Provider(StrictProvider):
    id = "naver"
    name = gettext_noop("Naver")
    button = _("Log in with NAVER")
    language = "ko"
    oauth2_adapter_class = NaverAdapter
    reauthentication = {"auth_type": "reauthenticate"}
    supports_token_authentication = False

    @override
    def prove(self, token: dict[str, Any]) -> Proof:
        raise TokenKindError("Naver signs in on the web only")
