"""Runs benchmarks across processes, from Python, where the caller sits, and writes their samples.

``benchmark`` says what a benchmark is, ``suites`` holds those of the project, ``sampling`` takes
samples of contenders in turn, ``isolated`` does so in other processes, ``command`` is the command
line. Statistics and the report are Java's, in ``io.tensorbridge.benches``.
"""
