"""Write the mails and put them into the outbox.

Takes plain values: knows no sign-ins and no connections.
"""
