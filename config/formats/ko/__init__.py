"""Set the formats of Korean pages and mails."""
