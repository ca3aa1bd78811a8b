"""Check that the site can send mail: connect and sign in. Only `--mail-to` sends a message."""

import smtplib
import ssl
from collections.abc import Callable
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend

from config.addresses import LOOPBACK
from doctor.configuration import is_public
from doctor.findings import Area, Check, Finding, error, fault, ok, skipped, warning

NOWHERE = {
    "console": "printed",
    "dummy": "thrown away",
    "filebased": "written to files",
    "locmem": "kept in memory",
}
PORTS = "Correct EMAIL_URL: smtp+tls://user:password@host:587, or smtp+ssl://… and port 465."


def area(*, seconds: float, mail_to: str = "") -> Area:
    checks = [
        Check("mail backend", backend),
        Check("mail sender", sender),
        Check("mail server", _explained(lambda: server(seconds))),
    ]
    if mail_to:
        checks.append(Check("mail test", _explained(lambda: send(mail_to, seconds))))
    return Area(tuple(checks))


def _fate() -> str:
    """Return in words what the backend does instead of sending a message; '' if it sends it."""
    return NOWHERE.get(settings.EMAIL_BACKEND.split(".")[-2], "")


def backend() -> Finding:
    if fate := _fate():
        return fault(
            f"mail is {fate}, not sent: people who sign up don't get their code",
            "Set EMAIL_URL. (With DEMO=1, the site shows these mails at /demo/mail/.)",
            is_grave=is_public(),
        )
    if not settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        return ok(settings.EMAIL_BACKEND)
    text = f"SMTP to {settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    if settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL:
        return ok(f"{text}, {'STARTTLS' if settings.EMAIL_USE_TLS else 'TLS'}")
    if settings.EMAIL_HOST in LOOPBACK:
        return ok(f"{text}, on this machine")
    return fault(
        f"{text} in the clear: codes and reset links can be read on the way",
        "Use smtp+tls:// in EMAIL_URL.",
        is_grave=bool(settings.EMAIL_HOST_PASSWORD),
    )


def sender() -> Finding:
    address = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    local, _, domain = address.rpartition("@")
    if not local or not domain:
        return error(
            f"DEFAULT_FROM_EMAIL={settings.DEFAULT_FROM_EMAIL!r} is not an address",
            "Set DEFAULT_FROM_EMAIL to an address such as no-reply@example.com.",
        )
    if is_public() and "." not in domain:
        return error(
            f"{address}: mail servers refuse mail from {domain}",
            "Set DEFAULT_FROM_EMAIL to an address that your mail server may send from.",
        )
    return ok(address)


def server(seconds: float) -> Finding:
    if _fate():
        return skipped("no mail server")
    connection = get_connection(timeout=seconds)
    try:
        connection.open()
        smtp = connection.connection if isinstance(connection, EmailBackend) else None
        if smtp is None:
            return ok("the backend opens")
        smtp.noop()
        socket = smtp.sock
        how = socket.version() if isinstance(socket, ssl.SSLSocket) else "no TLS"
        return ok(f"answers, {how}" + (", signed in" if settings.EMAIL_HOST_USER else ""))
    finally:
        connection.close()


def send(address: str, seconds: float) -> Finding:
    if fate := _fate():
        return warning(f"not sent to {address}: mail is {fate}", "Set EMAIL_URL.")
    message = EmailMessage(
        f"[{settings.SITE_NAME}] Test mail",
        f"Sent by `manage.py doctor --mail-to` for {settings.SITE_URL}. Mail works.\n",
        to=[address],
        headers={"Auto-Submitted": "auto-generated"},
        connection=get_connection(timeout=seconds),
    )
    message.send()
    return ok(f"sent to {address}: check that it arrives, and not in the spam folder")


def _explained(probe: Callable[[], Finding]) -> Callable[[], Finding]:
    def run() -> Finding:
        try:
            return probe()
        except smtplib.SMTPAuthenticationError as exc:
            advice = "Correct the user and the password in EMAIL_URL."
            return error(f"the server refuses the sign-in: {_reply(exc)}", advice)
        except smtplib.SMTPResponseException as exc:
            return error(f"the server refuses: {_reply(exc)}", "Ask the mail server's operator.")
        except (smtplib.SMTPException, OSError) as exc:
            return error(f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}: {exc}", PORTS)

    return run


def _reply(exc: smtplib.SMTPResponseException) -> str:
    text = exc.smtp_error
    return f"{exc.smtp_code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
