"""List what operators can do to an account: one class for each act, with its words, form and right."""

from datetime import timedelta
from typing import Any, ClassVar

from allauth.account.forms import ResetPasswordForm
from django import forms
from django.conf import settings
from django.contrib.admin.widgets import AdminEmailInputWidget, AdminTextInputWidget
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from typing_extensions import override

from accounts.audit.vocabulary import ResetStop
from accounts.errors import NotAllowedError
from accounts.operators import lifting, locks, proposals, sign_ins, superusers
from accounts.operators.acting import By, begin
from accounts.operators.models import OperatorNote
from accounts.pages import personal_data
from accounts.people import authority, names
from accounts.people.models import User
from accounts.request import sign_in_of

Answer = str | HttpResponseBase
HOUR, DAY = 3600, 24 * 3600


class RefusedError(Exception):
    """The act did nothing. Its text says why, in the reader's language."""


class SeenForm(forms.Form):
    """A form that knows the state in which the operator saw the account (`acting.state_of`)."""

    seen = forms.CharField(max_length=16, widget=forms.HiddenInput)


class ReasonForm(SeenForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=AdminTextInputWidget,
        help_text=gettext_lazy("It goes into the audit log. The owner of the account can read it."),
        validators=[names.validate],
    )


class LockForm(ReasonForm):
    until = forms.ChoiceField(
        label=gettext_lazy("Lock for"),
        choices=[
            (str(HOUR), gettext_lazy("1 hour")),
            (str(DAY), gettext_lazy("1 day")),
            (str(7 * DAY), gettext_lazy("7 days")),
            ("0", gettext_lazy("until an operator unlocks it")),
        ],
        initial=str(DAY),
    )
    field_order = ["until", "reason"]


class EmailForm(ReasonForm):
    email = forms.EmailField(
        label=gettext_lazy("New email"), max_length=254, widget=AdminEmailInputWidget
    )
    field_order = ["email", "reason"]


class SignInForm(ReasonForm):
    sid = forms.UUIDField(widget=forms.HiddenInput)


class NoteForm(SeenForm):
    text = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "Nobody can change or remove it. The owner of the account can read it."
        ),
    )


class Action:
    """One act. `do` calls the domain, and returns the words of success or an answer of its own."""

    name: ClassVar[str]
    label: Any
    explanation: Any = ""
    """The effects, for the operator. Override `words` if they depend on a setting."""
    permission: str
    form_class: type[SeenForm] = ReasonForm
    also_on_self = False
    is_grave = False
    has_button = True

    @property
    def words(self) -> Any:
        return self.explanation

    def may(self, actor: User, user: User) -> bool:
        return authority.may(actor, self.permission, user, also_on_self=self.also_on_self)

    def is_useful(self, user: User) -> bool:
        """Return False if the act would change nothing, so that the page offers it to nobody."""
        return True

    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        raise NotImplementedError


class EndSignIn(Action):
    name = "end-sign-in"
    label = gettext_lazy("End this sign-in")
    explanation = gettext_lazy("The device is signed out within a second. The owner gets a mail.")
    permission = sign_ins.PERMISSION
    form_class = SignInForm
    also_on_self = True
    has_button = False

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        if not sign_ins.end(user, by, values["sid"]):
            raise RefusedError(_("This sign-in has ended already."))
        return ended_in_words(1)


class EndSignIns(Action):
    name = "end-sign-ins"
    label = gettext_lazy("End all sign-ins")
    explanation = gettext_lazy("All devices are signed out within a second. The owner gets a mail.")
    permission = sign_ins.PERMISSION
    also_on_self = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        return ended_in_words(sign_ins.end_all(user, by))


class Lock(Action):
    name = "lock"
    label = gettext_lazy("Lock")
    explanation = gettext_lazy(
        "All devices are signed out, and nobody can sign in to this account until then. "
        "The owner gets a mail."
    )
    permission = locks.PERMISSION
    form_class = LockForm
    is_grave = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        seconds = int(values["until"])
        until = timezone.now() + timedelta(seconds=seconds) if seconds else None
        locks.lock(user, by, until=until)
        return _("The account is locked.")


class Unlock(Action):
    name = "unlock"
    label = gettext_lazy("Unlock")
    explanation = gettext_lazy("The owner can sign in again, and gets a mail.")
    permission = locks.PERMISSION

    @override
    def is_useful(self, user: User) -> bool:
        return not user.is_active

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        if not locks.unlock(user, by):
            raise RefusedError(_("The account is not locked."))
        return _("The account is unlocked.")


class LiftLimits(Action):
    name = "lift-limits"
    label = gettext_lazy("Lift limits")
    explanation = gettext_lazy(
        "Wrong passwords, wrong codes, mails and changes count from zero again for this account, on "
        "every device and in every network. What a network did to other accounts stays counted."
    )
    permission = lifting.PERMISSION
    also_on_self = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        lifting.lift(user, by)
        return _("The limits are lifted.")


class SendReset(Action):
    name = "send-reset"
    label = gettext_lazy("Send a reset link")
    explanation = gettext_lazy("The owner gets the mail by which a password is reset.")
    permission = "accounts.mail_user"
    also_on_self = True

    @override
    def is_useful(self, user: User) -> bool:
        return user.is_active

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        with transaction.atomic():
            user = begin(user, by, self.permission, also_on_self=True)
            sign_in_of(request).operator_reason = by.reason
            form = ResetPasswordForm({"email": user.email})
            if form.is_valid():
                form.save(request)
        if sign_in_of(request).is_mail_withheld or not user.is_active:
            raise RefusedError(_("No mail was sent: this address got its share of today."))
        return _("The mail is on its way.")


class ProposeEmail(Action):
    name = "change-email"
    label = gettext_lazy("Change email")
    explanation = gettext_lazy(
        "The new address counts after its owner has opened the link in the mail to it. The former "
        "address gets a mail that can stop the change for a day."
    )
    permission = proposals.PERMISSION
    form_class: type[SeenForm] = EmailForm

    @override
    def is_useful(self, user: User) -> bool:
        return proposals.open_of(user) is None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        asked = proposals.propose(user, by, email=values.get("email") or user.email)
        if isinstance(asked, proposals.Refusal):
            raise RefusedError(str(asked.label))
        return _("The mail is on its way.")


class SendVerification(ProposeEmail):
    name = "send-verification"
    label = gettext_lazy("Send a verification link")
    explanation = gettext_lazy(
        "The owner of the address gets a link that confirms it, and then sets a new password."
    )
    form_class = ReasonForm

    @override
    def is_useful(self, user: User) -> bool:
        proved = user.emailaddress_set.filter(email=user.email, verified=True)
        return super().is_useful(user) and not proved.exists()


class StopEmail(Action):
    name = "stop-email"
    label = gettext_lazy("Stop the change of email")
    permission = proposals.PERMISSION

    @override
    def is_useful(self, user: User) -> bool:
        return proposals.open_of(user) is not None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        waiting = proposals.open_of(user)
        why = ResetStop.BY_OPERATOR
        if waiting is None or not proposals.stop(waiting, why, client=by.client, by=by):
            raise RefusedError(_("There was nothing to stop."))
        return _("The change is stopped.")


class Export(Action):
    name = "export"
    label = gettext_lazy("Download the data")
    explanation = gettext_lazy(
        "A JSON file of all that this site knows of the user. The owner gets a mail."
    )
    permission = sign_ins.PERMISSION_TO_EXPORT
    also_on_self = True

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        sign_ins.export(user, by)
        return personal_data.response(user)


class Delete(Action):
    name = "delete-account"
    label = gettext_lazy("Delete the account")
    permission = sign_ins.PERMISSION_TO_DELETE
    is_grave = True

    @property
    @override
    def words(self) -> str:
        days = settings.ACCOUNT_DELETION_DAYS
        text = ngettext(
            "All devices are signed out. The account is deleted after %(days)d day. A sign-in of the "
            "owner before then keeps it. Lock the account first to prevent that.",
            "All devices are signed out. The account is deleted after %(days)d days. A sign-in of the "
            "owner before then keeps it. Lock the account first to prevent that.",
            days,
        )
        return text % {"days": days}

    @override
    def is_useful(self, user: User) -> bool:
        return user.erase_at is None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        erase_at = sign_ins.delete(user, by)
        when = date_format(timezone.localtime(erase_at), "DATETIME_FORMAT")
        return _("The account will be deleted on %(when)s.") % {"when": when}


class AddNote(Action):
    name = "add-note"
    label = gettext_lazy("Add a note")
    permission = "accounts.add_operatornote"
    form_class = NoteForm
    also_on_self = True
    has_button = False

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        with transaction.atomic():
            user = begin(user, by, self.permission, also_on_self=True)
            OperatorNote.objects.create(user=user, author=by.actor, text=values["text"])
        return _("The note is added.")


class ProposeSuperuser(Action):
    name = "propose-superuser"
    label = gettext_lazy("Propose as a superuser")
    explanation = gettext_lazy("Another superuser must confirm it within 24 hours.")
    permission = superusers.PERMISSION
    is_grave = True

    @override
    def may(self, actor: User, user: User) -> bool:
        return actor.is_superuser and super().may(actor, user)

    @override
    def is_useful(self, user: User) -> bool:
        if not settings.SUPERUSER_NEEDS_TWO or user.is_superuser or not user.is_active:
            return False
        return superusers.open_of(user) is None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        if not settings.SUPERUSER_NEEDS_TWO:
            raise NotAllowedError
        asked = superusers.propose(user, by)
        if isinstance(asked, superusers.Refusal):
            raise RefusedError(str(asked.label))
        return _("Now another superuser must confirm it.")


class ConfirmSuperuser(Action):
    name = "confirm-superuser"
    label = gettext_lazy("Confirm as a superuser")
    explanation = gettext_lazy("The user gets all rights, and is signed out everywhere.")
    permission = superusers.PERMISSION
    is_grave = True

    @override
    def may(self, actor: User, user: User) -> bool:
        waiting = superusers.open_of(user)
        if waiting is None:
            return super().may(actor, user) and actor.is_superuser
        return superusers.may_confirm(actor, waiting)

    @override
    def is_useful(self, user: User) -> bool:
        return superusers.open_of(user) is not None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        waiting = superusers.open_of(user)
        if waiting is None or not superusers.confirm(waiting, by):
            raise RefusedError(str(superusers.Refusal.ENDED.label))
        return _("The user is a superuser now.")


class StopSuperuser(Action):
    name = "stop-superuser"
    label = gettext_lazy("Stop the proposal of a superuser")
    permission = superusers.PERMISSION

    @override
    def is_useful(self, user: User) -> bool:
        return superusers.open_of(user) is not None

    @override
    def do(self, request: HttpRequest, user: User, by: By, values: dict[str, Any]) -> Answer:
        waiting = superusers.open_of(user)
        if waiting is None or not superusers.stop(waiting, by):
            raise RefusedError(str(superusers.Refusal.ENDED.label))
        return _("The proposal is stopped.")


ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        *(EndSignIns(), Lock(), Unlock(), LiftLimits(), SendReset(), SendVerification()),
        *(ProposeEmail(), StopEmail(), Export(), Delete(), EndSignIn(), AddNote()),
        *(ProposeSuperuser(), ConfirmSuperuser(), StopSuperuser()),
    )
}


def ended_in_words(ended: int) -> str:
    text = ngettext("%(count)d sign-in was ended.", "%(count)d sign-ins were ended.", ended)
    return text % {"count": ended}
