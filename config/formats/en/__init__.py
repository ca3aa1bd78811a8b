"""Set the formats of English pages and mails."""
