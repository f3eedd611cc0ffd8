"""Pretrained networks: bundled with the package, published by their authors, or a run."""
