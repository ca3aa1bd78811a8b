"""The endpoints of the API: parse a request, call a room below, shape the answer."""
