"""How each family trains a workload: `fit(workload, library, x, y, *, epochs, mark, ...) -> Trained`.

`mark()` is called when the model is ready and training begins, and at the end of every epoch, when its loss
is known on the host. A workload's `COMPILE`, the arguments of `compile`, tells every family the loss.
"""
