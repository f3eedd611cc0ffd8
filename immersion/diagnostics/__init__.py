"""What went wrong in a training, read off its run folder, and what to try."""
