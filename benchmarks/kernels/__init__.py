"""Single functions of lamella on JAX beside the library's own: `python -m benchmarks.kernels TABLE...`.

A table is a module here: `cases()` yields `(name, ours, theirs, arguments)`, two functions of arrays with the same
result. Both are compiled into a loop, as they stand in training, and run in turn in one process.
"""
