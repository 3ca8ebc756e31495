"""The benchmarks of the project: each module has ``groups()``, which lists them at no cost.

Nothing is made, opened or imported from a peer before a contender's ``open``.
"""
