"""Give a page of Chromium a device that makes and keeps passkeys: the browser's virtual authenticator."""

from typing import Any

from playwright.sync_api import CDPSession, Page

PHONE = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
    "defaultBackupEligibility": True,
    "defaultBackupState": True,
}


class Device:
    """A virtual authenticator of this page's browser."""

    def __init__(self, page: Page, **options: object) -> None:
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        made = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": PHONE | options})
        self.id = made["authenticatorId"]

    @property
    def credentials(self) -> list[dict[str, object]]:
        answer = self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(answer["credentials"])

    def knows_its_owner(self, *, is_verified: bool) -> None:
        arguments = {"authenticatorId": self.id, "isUserVerified": is_verified}
        self.cdp.send("WebAuthn.setUserVerified", arguments)

    def add(self, credential: dict[str, Any]) -> None:
        """Put a passkey into the device that was made elsewhere."""
        arguments = {"authenticatorId": self.id, "credential": credential}
        self.cdp.send("WebAuthn.addCredential", arguments)
