"""Run folders back to trained models, and the figures of a run."""
