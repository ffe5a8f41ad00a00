"""Pictures of models, images and runs."""
