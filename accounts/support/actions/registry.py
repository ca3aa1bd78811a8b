"""List all acts, by name, in the order of their buttons."""

from accounts.support.actions.action import Action
from accounts.support.actions.data import AddNote, Delete, Export
from accounts.support.actions.locks import LiftLimits, Lock, Unlock
from accounts.support.actions.mails import ProposeEmail, SendReset, SendVerification, StopEmail
from accounts.support.actions.profiles import ChangeProfile
from accounts.support.actions.sign_ins import EndSignIn, EndSignIns
from accounts.support.actions.superusers import ConfirmSuperuser, ProposeSuperuser, StopSuperuser

ACTIONS: dict[str, Action] = {
    action.name: action
    for action in (
        *(EndSignIns(), Lock(), Unlock(), LiftLimits(), SendReset(), SendVerification()),
        *(ProposeEmail(), StopEmail(), ChangeProfile(), Export(), Delete(), EndSignIn(), AddNote()),
        *(ProposeSuperuser(), ConfirmSuperuser(), StopSuperuser()),
    )
}
