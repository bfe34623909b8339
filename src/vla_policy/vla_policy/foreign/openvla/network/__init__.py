"""What needs the worker's own environment: the networks in PyTorch, and Pillow's image resizing.

Module names are those of the checkpoints' tensors.
"""
