"""The rooms of inference_node: what comes in, what is made of it, what goes out."""
