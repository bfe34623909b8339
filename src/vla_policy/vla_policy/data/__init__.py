"""Datasets of demonstrations in the LeRobotDataset v3 layout: recorded, converted, checked, read, augmented."""
