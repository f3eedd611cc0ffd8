"""Distance of restored pictures from the truth: one number a picture, with its protocol."""
