"""`python -m immersion` is `immersion`."""

from immersion.cli import main

main()
