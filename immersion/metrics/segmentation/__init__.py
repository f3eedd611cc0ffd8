"""How well a picture was cut into classes or into objects, pixel by pixel and as a whole."""
