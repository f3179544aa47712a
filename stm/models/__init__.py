"""The networks of the papers. Shape letters everywhere in here: N clips, T frames a clip, C channels, H and W pixels.

Features are (N*T, C, H, W), the T frames of a clip next to each other: a 2D network sees single images, and the two
temporal modules alone look at neighbours.
"""
