"""Passkeys and security keys (WebAuthn).

A passkey is on a device or in a password manager, checks its owner, and signs in by itself. A security
key that was added without that is a second step only. `options` makes what the browser is asked,
`answers` checks what it answers, `enrolment` adds, renames and removes.
"""
