"""Take the report "it wasn't me" of a signed-in owner, undo what another person did, and list it for operators.

The report by the link of a notice begins in `signins.denials`, and uses the same effects.
"""
