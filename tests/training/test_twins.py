"""Twins Training: TPAMI 2022, section 3.5, equations 8 to 10."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from stm.config.schema.recipes import Twins
from stm.data.shards import FrameIndex
from stm.evaluation.evaluate import load_run
from stm.models.builder import build
from stm.training.loop import Execution, Training
from stm.training.memory import Memory
from stm.training.objective import cross_entropy_step, twins_step
from stm.training.statistics import unchanged_statistics
from stm.training.twins import correlation, correlation_terms, logit_gradients, twins_loss, weights

from .runs import CPU, history, trained

# No number of which is a default or another's.
SETTINGS = Twins(correlation_weight=0.3, off_diagonal_weight=0.07).model_dump()


def logits(clips: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, clips, classes, generator=draw, dtype=torch.float64)
    return first + 0.5, second


def by_hand(first: Tensor, second: Tensor, labels: Tensor, settings: dict) -> dict[str, float]:
    """Equations 8 to 10, entry by entry."""
    a, b = first.numpy(), second.numpy()
    clips, classes = a.shape
    if settings["centred"]:
        a, b = a - a.mean(0), b - b.mean(0)
    intra = inter = 0.0
    for i in range(classes):
        for j in range(classes):
            over_clips = sum(a[n, i] * b[n, j] for n in range(clips))
            c = over_clips / (math.sqrt(sum(a[:, i] ** 2)) * math.sqrt(sum(b[:, j] ** 2)))
            if i == j:
                intra += (1 - c) ** 2
            else:
                inter += c**2
    entropies = [
        np.log(np.exp(view[n].numpy()).sum()) - float(view[n, labels[n]])
        for view in (first, second)
        for n in range(clips)
    ]
    classification = sum(entropies[:clips]) / clips / 2 + sum(entropies[clips:]) / clips / 2
    loss = classification + settings["correlation_weight"] * (intra + settings["off_diagonal_weight"] * inter)
    return {"loss": loss, "cross_entropy": classification, "intra_class": intra, "inter_class": inter}


# The loss


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize(("clips", "classes"), [(2, 3), (7, 4), (5, 9)])
def test_the_loss_is_equation_10(clips, classes, centred):
    first, second = logits(clips, classes)
    labels = torch.arange(clips) % classes
    settings = {**SETTINGS, "centred": centred}
    found = twins_loss(first, second, labels, settings)
    assert {name: float(term) for name, term in found.items()} == pytest.approx(
        by_hand(first, second, labels, settings), rel=1e-9
    )


def test_the_papers_lambda_and_beta_weigh_their_terms():
    first, second = logits(6, 4)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    found = twins_loss(first, second, labels, Twins().model_dump())
    expected = found["cross_entropy"] + 0.01 * found["intra_class"] + 0.01 * 0.0039 * found["inter_class"]
    assert torch.allclose(found["loss"], expected)


def test_two_equal_views_of_orthogonal_logits_have_no_correlation_loss():
    view = torch.diag(torch.tensor([3.0, 0.5, 2.0, 7.0])).repeat(2, 1)
    assert torch.allclose(correlation(view, view), torch.eye(4))
    intra, inter = correlation_terms(correlation(view, view))
    assert float(intra) == pytest.approx(0, abs=1e-12) and float(inter) == pytest.approx(0, abs=1e-12)


def test_opposite_views_of_equal_classes_have_the_largest_correlation_loss():
    view = torch.ones(5, 3)
    intra, inter = correlation_terms(correlation(view, -view))
    assert float(intra) == pytest.approx(3 * 4) and float(inter) == pytest.approx(6)


@pytest.mark.parametrize("centred", [False, True])
def test_correlations_lie_between_minus_one_and_one(centred):
    matrices = [correlation(*logits(clips, 6, seed), centred) for seed in range(20) for clips in (2, 3, 30)]
    assert all(matrix.abs().max() <= 1 + 1e-12 for matrix in matrices)
    assert min(float(m.min()) for m in matrices) < -0.9 and max(float(m.max()) for m in matrices) > 0.9


def test_the_first_views_classes_are_the_rows():
    first, second = logits(5, 3)
    i, j = 0, 2
    expected = (first[:, i] @ second[:, j]) / (first[:, i].norm() * second[:, j].norm())
    assert torch.allclose(correlation(first, second)[i, j], expected)
    assert torch.allclose(correlation(second, first), correlation(first, second).T)


def test_correlations_do_not_depend_on_the_size_of_a_class_s_logits():
    first, second = logits(5, 3)
    assert torch.allclose(correlation(first * torch.tensor([1, 9, 0.1]), second * 4), correlation(first, second))


def test_centred_is_pearsons_correlation_and_the_papers_is_not():
    first, second = logits(9, 4)
    pearson = torch.from_numpy(np.corrcoef(first.numpy().T, second.numpy().T)[:4, 4:])
    assert torch.allclose(correlation(first, second, centred=True), pearson)
    assert not torch.allclose(correlation(first, second), pearson, atol=0.05)
    shifted = first + torch.tensor([5.0, -3, 1, 0]), second - 2
    assert torch.allclose(correlation(*shifted, centred=True), pearson)
    assert not torch.allclose(correlation(*shifted), correlation(first, second), atol=0.05)


def test_without_a_correlation_weight_both_views_are_classified_and_nothing_else():
    first, second = (view.requires_grad_() for view in logits(6, 4))
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    twins_loss(first, second, labels, {**SETTINGS, "correlation_weight": 0.0})["loss"].backward()
    both = torch.cat([first, second]).detach().requires_grad_()
    torch.nn.functional.cross_entropy(both, labels.repeat(2)).backward()
    assert torch.allclose(torch.cat([first.grad, second.grad]), both.grad)


@pytest.mark.parametrize("centred", [False, True])
def test_a_last_batch_of_one_clip_has_a_gradient_of_no_correlation(centred):
    # One clip is all that a class is normalised by: every entry of C is 1 or -1 (or 0 if centred), whatever the logits.
    leaves = [torch.stack(logits(1, 5)).float()]
    settings = {**SETTINGS, "centred": centred}
    with_it, _ = logit_gradients(leaves, [torch.tensor([2])], settings)
    without, _ = logit_gradients(leaves, [torch.tensor([2])], {**settings, "correlation_weight": 0.0})
    assert torch.allclose(with_it[0], without[0], atol=1e-5)


# Lambda and beta for other numbers of classes


@pytest.mark.parametrize("classes", [2, 10, 174, 400])
def test_scaling_for_classes_holds_lambda_k_and_beta_k_minus_1(classes):
    settings = Twins(correlation_weight=0.01, off_diagonal_weight=0.0039, chosen_for_classes=174).model_dump()
    weight, off_diagonal = weights(settings, classes)
    assert weight * classes == pytest.approx(0.01 * 174)
    assert off_diagonal * (classes - 1) == pytest.approx(0.0039 * 173)


def test_scaling_is_off_unless_it_is_asked_for_and_then_changes_the_loss_of_other_numbers_of_classes():
    assert weights(SETTINGS, 12) == (0.3, 0.07)
    assert weights({**SETTINGS, "chosen_for_classes": 12}, 12) == (0.3, 0.07)
    assert weights({**SETTINGS, "chosen_for_classes": 174}, 1) == pytest.approx((0.3 * 174, 0.07 * 173))
    first, second = logits(6, 4)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    found = twins_loss(first, second, labels, {**SETTINGS, "chosen_for_classes": 40})
    correlated = 3.0 * (found["intra_class"] + 0.07 * 39 / 3 * found["inter_class"])
    assert torch.allclose(found["loss"], found["cross_entropy"] + correlated)


# The step


def training(spec: dict, index, **twins) -> Training:
    changed = copy.deepcopy(spec)
    changed["recipe"] |= {"twins": Twins(**{**SETTINGS, **twins}).model_dump(), "gradient_norm_limit": None}
    return Training("twins", changed, FrameIndex(index), None, Execution(CPU))


def gradient(network: torch.nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in network.parameters()])


def batches_of(run: Training) -> list[tuple[Tensor, Tensor]]:
    loader = run._loader()
    return [next(loader) for _ in run.batches.sizes(0)]


def in_double(run: Training):
    """The run's own way from frames to logits, in float64 from end to end."""
    network = run.network.double()

    def forward(frames: Tensor) -> Tensor:
        views = frames.shape[1]
        pixels = frames.transpose(0, 1).flatten(0, 1).double() / 255 - 0.5
        return network(pixels).unflatten(0, (views, -1))

    return forward


def test_the_correlation_is_of_the_global_batch_however_it_is_cut(spec, index):
    # With norms that use their running statistics and no dropout, micro-batches are no part of the function.
    spec["recipe"]["dropout"] = 0.0
    gradients, losses = [], []
    for micro in (10, 2):
        spec["recipe"]["micro_batch"] = micro
        run = training(spec, index)
        forward = in_double(run)
        run.network.fc.weight.data.normal_(generator=torch.Generator().manual_seed(0))
        run.network.eval()
        batches = batches_of(run)
        assert len(batches) == 10 // micro
        terms, _ = twins_step(forward, batches, 10, list(range(len(batches))), run.recipe["twins"], run.memory)
        gradients.append(gradient(run.network))
        losses.append(terms)
    # Logits are float32 where their gradient is taken.
    assert torch.allclose(gradients[0], gradients[1], rtol=1e-4, atol=1e-6 * float(gradients[0].abs().max()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_it_is_not_the_mean_of_the_micro_batches_correlations(spec, index):
    spec["recipe"]["dropout"] = 0.0
    run = training(spec, index)
    forward = in_double(run)
    run.network.eval()
    batches = batches_of(run)
    whole, _ = twins_step(forward, batches, 10, [0, 1], run.recipe["twins"], run.memory)
    parts = [twins_step(forward, [batch], 5, [0], run.recipe["twins"], run.memory)[0] for batch in batches]
    assert abs(whole["inter_class"] - sum(part["inter_class"] for part in parts)) > 0.01
    assert whole["cross_entropy"] == pytest.approx(sum(part["cross_entropy"] for part in parts), rel=1e-5)


@pytest.mark.parametrize("micro", [10, 5])
def test_in_training_norms_see_micro_batches_of_both_views_once_and_dropout_is_drawn_once(spec, index, micro):
    spec["recipe"]["micro_batch"] = micro
    run, reference = training(spec, index), training(spec, index)
    batches, seeds = batches_of(run), [11, 12][: 10 // micro]
    forward, plain = in_double(run), in_double(reference)
    for network in (run.network, reference.network):
        network.train().fc.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    twins_step(forward, batches, 10, seeds, run.recipe["twins"], run.memory)
    # The whole graph in memory, which caching the gradient saves.
    parts = []
    for (frames, _), seed in zip(batches, seeds, strict=True):
        torch.manual_seed(seed)
        parts.append(plain(frames))
    first, second = torch.cat(parts, dim=1)
    twins_loss(first, second, torch.cat([labels for _, labels in batches]), run.recipe["twins"])["loss"].backward()
    expected = gradient(reference.network)
    assert torch.allclose(gradient(run.network), expected, rtol=1e-4, atol=1e-6 * float(expected.abs().max()))
    ours, theirs = dict(run.network.named_buffers()), dict(reference.network.named_buffers())
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert int(run.network.bn1.num_batches_tracked) == 10 // micro


def test_norms_use_the_batch_and_keep_their_statistics_inside_and_go_on_after_it():
    norm = torch.nn.BatchNorm2d(3, momentum=0.25)
    features = torch.randn(4, 3, 5, 5) * 3 + 1
    with torch.no_grad(), unchanged_statistics(norm):
        out = norm(features)
    assert torch.allclose(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert not norm.running_mean.any() and int(norm.num_batches_tracked) == 0 and norm.momentum == 0.25
    norm(features)
    assert torch.allclose(norm.running_mean, 0.25 * features.mean((0, 2, 3)))


def test_clips_are_right_where_their_first_view_is():
    frames, labels = torch.zeros(3, 2, 1), torch.tensor([0, 1, 1])
    scores = torch.tensor([[[2.0, 1], [2, 1], [1, 2]], [[1, 2], [1, 2], [2, 1]]]).requires_grad_()
    _, correct = twins_step(lambda _: scores, [(frames, labels)], 3, [0], SETTINGS, Memory(torch.nn.Identity()))
    assert correct == 2


def test_one_view_is_plain_cross_entropy(spec, index):
    run = training(spec, index)
    frames, labels = batches_of(run)[0]
    run.network.eval()
    with torch.no_grad():
        first, second = run._logits(frames)
    terms, _ = cross_entropy_step(run._logits, [(frames[:, :1], labels)], 5, [0], run.memory)
    assert terms["loss"] == pytest.approx(float(torch.nn.functional.cross_entropy(first, labels)) * 5, rel=1e-5)
    assert not torch.allclose(first, second)


# The run


def test_the_history_shows_the_terms_of_the_loss(twins_spec, index, tmp_path):
    trained(twins_spec, index, tmp_path)
    rows = history(tmp_path)
    assert list(rows[0]) == [
        *("epoch", "step", "learning_rate", "loss", "cross_entropy", "intra_class", "inter_class", "train_top1")
    ]
    for row in rows:
        correlated = 0.01 * (float(row["intra_class"]) + 0.0039 * float(row["inter_class"]))
        assert float(row["loss"]) == pytest.approx(float(row["cross_entropy"]) + correlated, rel=1e-5)
        assert float(row["inter_class"]) > 0


def test_nothing_of_twins_is_left_at_inference(twins_spec, index, tmp_path):
    weights_of_it = trained(twins_spec, index, tmp_path)
    network, record = load_run(tmp_path / "run", CPU)
    plain = build(twins_spec["variant"], twins_spec["frames"], len(record["classes"]))
    plain.load_state_dict(weights_of_it, strict=True)
    clip = torch.randn(1, 4, 3, 32, 32)
    scores = network(clip)
    assert scores.shape == (1, len(record["classes"])) and torch.equal(scores, plain.eval()(clip))


def test_every_setting_of_twins_makes_another_step(twins_spec, index):
    found = []
    for settings in (None, {}, {"correlation_weight": 0.0}, {"centred": True}, {"chosen_for_classes": 174}):
        twins_spec["recipe"]["twins"] = None if settings is None else Twins(**settings).model_dump()
        run = Training("step", twins_spec, FrameIndex(index), None, Execution(CPU))
        run.network.train()
        run._step(run._loader())
        found.append(run.network.fc.weight.detach().clone())
    assert not any(torch.equal(a, b) for k, a in enumerate(found) for b in found[:k])
