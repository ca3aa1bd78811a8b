"""Read and verify the data that providers send over the network: answers, keys, signatures, tokens.

Knows no users and no connections.
"""
