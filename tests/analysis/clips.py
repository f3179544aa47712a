"""Clips as tests of statistics make them up."""


def own_groups(n):
    return [f"clip{i}" for i in range(n)]


def bernoulli(generator, p, shape):
    return (generator.random(shape) < p).astype(float)
