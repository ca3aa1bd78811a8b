"""Own the shapes of requests and responses. They run no queries and have no side effects."""
