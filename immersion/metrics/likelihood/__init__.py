"""Likelihood of data: bounds, importance weights, and Parzen windows on samples."""
