"""Trained models: of a run, bundled with the package, or published by their authors."""
