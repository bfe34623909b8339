"""OpenVLA and OpenVLA-OFT: official checkpoints, run by our own modules. ``network`` alone needs torch and Pillow.

Kim et al., "OpenVLA", 2024, and "Fine-Tuning Vision-Language-Action Models: Optimizing Speed and Success", 2025.
"""
