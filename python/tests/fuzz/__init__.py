"""Peers that break every rule: against a live server, and a server against the Python client."""
