"""Commands: one file each; they read and write run folders and return what `--json` prints."""
