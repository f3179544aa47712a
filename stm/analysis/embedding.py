"""How far apart the classes of labelled points lie, and t-SNE maps of them.

Shape letters: n points, D dimensions. Points are float (n, D), labels int (n). Distances are Euclidean.
"""

import numpy as np
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_samples
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from stm.errors import WrongValueError

# In votes: less than any number of them, so that of classes with as many the one with the nearer points wins.
NEARER = 1e-6


def unit_length(points: np.ndarray) -> np.ndarray:
    """Every point divided by its length; the origin stays."""
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(lengths > 0, lengths, 1)


def silhouettes(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each point (b - a) / max(a, b), from -1 to 1, (n): a and b are its mean distances to the points of its own
    class and of the nearest other one.

    Source: Rousseeuw, Journal of Computational and Applied Mathematics 20, 1987.

    Raises:
        ValueError: all points are of one class, or each is of its own.
    """
    return silhouette_samples(points, labels)


def class_distances(points: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each point its distance to the mean of the other points of its class, and its mean distance to the means of
    the other classes, (n) each.

    Raises:
        ValueError: a class has one point alone, or there is only one class.
    """
    classes, index, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2 or sizes.min() < 2:
        raise WrongValueError("distances within and between classes need two classes of two points each")
    sums = np.zeros((len(classes), points.shape[1]))
    np.add.at(sums, index, points)
    means = sums / sizes[:, None]
    to_means = np.stack([np.linalg.norm(points - mean, axis=1) for mean in means], axis=1)
    own = to_means[np.arange(len(points)), index]
    # The mean of the others lies further by n / (n - 1): a point pulls the mean of its class towards itself.
    within = own * (sizes / (sizes - 1))[index]
    return within, (to_means.sum(axis=1) - own) / (len(classes) - 1)


def neighbours_agree(points: np.ndarray, labels: np.ndarray, neighbours: int) -> np.ndarray:
    """Whether the k nearest other points vote for a point's own class, bool (n): leave-one-out k-nearest-neighbour.

    Raises:
        ValueError: there are not that many other points.
    """
    found = NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(return_distance=False)
    votes = np.zeros((len(points), labels.max() + 1))
    for rank, nearest in enumerate(found.T):
        votes[np.arange(len(points)), labels[nearest]] += 1 - rank * NEARER
    return votes.argmax(axis=1) == labels


def tsne_map(points: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """t-SNE in two dimensions from a random start, (n, 2); the same points and seed give the same map to the bit.

    Source: van der Maaten and Hinton, JMLR 9, 2008; scikit-learn's Barnes-Hut approximation.

    Raises:
        ValueError: `perplexity` is not below the number of points.
    """
    # On several threads its sums would be in another order each time.
    with threadpool_limits(1):
        fit = TSNE(perplexity=perplexity, init="random", learning_rate="auto", random_state=seed, n_jobs=1)
        return fit.fit_transform(np.ascontiguousarray(points, dtype=np.float32)).astype(float)
