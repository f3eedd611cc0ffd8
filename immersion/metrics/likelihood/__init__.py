"""How likely a model finds data: bounds, importance weights, and Parzen windows on samples."""
