"""Batches from arrays, generators and loaders."""
