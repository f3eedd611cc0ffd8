"""Share a trained model: a folder with its file, a model card, pictures and an example."""
