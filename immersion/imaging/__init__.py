"""Colour, size, compression and noise of pictures: functions of tensors (..., C, H, W)."""
