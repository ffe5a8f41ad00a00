"""Lamella measured beside its peers: `python -m benchmarks WORKLOAD...`, explained in README.md."""
