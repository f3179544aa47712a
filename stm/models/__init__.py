"""The networks of the papers. Shape letters everywhere in here: N clips, T frames a clip, C channels, H and W pixels.

Features are (N*T, C, H, W), the T frames of a clip next to each other: a 2D network sees single images, and its
temporal modules (CSTM, CMM, the shift, TEA's) alone look at neighbours. I3D and ECO are 3D networks, and say their own.
"""
