"""Where lamella knowingly differs from Keras or from NumPy, each with its reason.

`DEVIATIONS` maps a pattern (as in `fnmatch`) to a reason. It is matched against "check/case", where `check` is
the name of a test without "test_" and `case` the id of the case, both as pytest prints them: a test
`test_like_keras[mod-int32-zero]` is "like_keras/mod-int32-zero". What matches is expected to fail, strictly:
once it passes, its line has to go.
"""

DEVIATIONS: dict[str, str] = {}
