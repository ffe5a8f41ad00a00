"""What a computation remembers: variables, dtype policies, scopes, symbolic tensors, serialisable classes."""
