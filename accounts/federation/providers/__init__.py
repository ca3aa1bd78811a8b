"""One module for each provider, on the rules that all of them share (`base`)."""
