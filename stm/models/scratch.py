"""What a network starts from that no weights are given to."""

from torch import nn


def initialise(network: nn.Module, classifier: nn.Linear) -> None:
    """Convolutions as torchvision's ResNets start (He et al., ICCV 2015), the classifier as TSN's code does.

    Norms and biases keep torch's own start, and operators over time that of their module.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    # Small enough that all classes start equal.
    nn.init.normal_(classifier.weight, std=0.001)
    nn.init.zeros_(classifier.bias)
