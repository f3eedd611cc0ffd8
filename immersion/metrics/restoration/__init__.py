"""How near a restored picture is to the truth: one number a picture, each with its protocol."""
