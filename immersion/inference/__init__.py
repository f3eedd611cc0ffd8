"""Image-to-image models on the user's own pictures: jobs, tiles, backends."""
