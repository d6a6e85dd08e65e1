"""The loop and its parts. It sees records of cached tensors and knows no family."""
