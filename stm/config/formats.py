"""Forms that files come in, each one word of a few."""

from typing import Literal

# Of a checkpoint of others: whose names its weights have.
CheckpointFormat = Literal["tsm", "tea", "torchvision"]
# Of the outputs of its classifier: that of the list of classes, or the same names by code point.
ClassOrder = Literal["listed", "alphabetical"]
# Of a network for other programs: ONNX, or torch.export's own.
ExportFormat = Literal["onnx", "pt2"]
# Of answers for test clips: the likeliest class's label, or the numbers of the five likeliest.
SubmissionForm = Literal["label", "five_numbers"]
