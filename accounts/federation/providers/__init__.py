"""Hold one module for each provider. All of them build on the shared rules in `base`."""
