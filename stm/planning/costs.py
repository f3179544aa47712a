"""What targets of a study take: clips, epochs, steps, disk and hours, of what is done and of what is yet to be done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stm.config.products import DatasetPlan, Prediction, Run
from stm.config.specification import views_of_a_clip
from stm.planning.clips import Clips, Room, clips_of, room_for_frames
from stm.planning.speed import Counted, Shape, Speed, shape_of_run
from stm.planning.targets import Target, runs_of

# Of a clip's entry in a predictions file, beside four bytes a class: its id, label and group.
PREDICTION_BYTES = 60


@dataclass(frozen=True)
class RunCost:
    """One training and its evaluations; None where nobody knows how many clips there are, or how fast it goes."""

    run: Run
    done: bool
    clips: int | None
    epochs: int
    views_of_a_clip: int
    steps: int | None
    train_hours: float | None
    # By prediction's path: views, and of what is not done yet.
    views: dict[str, int | None]
    new_views: int | None
    evaluate_hours: float | None
    prediction_bytes: int | None
    weights_bytes: int | None
    flops_g: float | None
    speed: Speed

    @property
    def training_views(self) -> int | None:
        return None if self.clips is None else self.clips * self.epochs * self.views_of_a_clip

    @property
    def hours(self) -> float | None:
        """Of one device, for what is not done yet."""
        if self.train_hours is None or self.evaluate_hours is None:
            return None
        return self.train_hours + self.evaluate_hours


@dataclass(frozen=True)
class TargetCost:
    """One target and its runs, each with the target's own predictions alone; those that others start from with none."""

    target: Target
    runs: list[RunCost]


@dataclass(frozen=True)
class DatasetCost:
    """One dataset that is needed."""

    dataset: DatasetPlan
    clips: Clips
    frames: Room


@dataclass(frozen=True)
class Costs:
    """Of some targets of a study; in `runs` a run that several of them share stands once, with all its predictions."""

    targets: list[TargetCost]
    runs: list[RunCost]
    datasets: list[DatasetCost]
    jobs: int

    def total(self, of: Callable[[RunCost], float | None], *, new: bool = False) -> tuple[float, int]:
        """A sum over runs, and for how many of them nobody knows it."""
        values = [of(run) for run in self.runs if not (new and run.done)]
        return sum(value for value in values if value is not None), values.count(None)

    @property
    def elapsed_hours(self) -> float:
        """With `jobs` devices at work: no training is divided, and what starts from another waits for it."""
        hours = {found.run.name: found.hours or 0.0 for found in self.runs}
        trainings = {found.run.name: found.train_hours or 0.0 for found in self.runs}
        starts = {found.run.name: found.run.start for found in self.runs}
        chains = [hours[name] + (trainings[start.name] if start else 0.0) for name, start in starts.items()]
        return max([sum(hours.values()) / self.jobs, *chains], default=0.0)


def costs(
    asked: Sequence[Target], speed: Callable[[Run], Speed], counted: Mapping[Shape, Counted], jobs: int = 1
) -> Costs:
    """Everything that some targets take.

    Args:
        speed: of a run.
        counted: networks whose FLOPs and parameters are known.
        jobs: how many trainings go at a time, each on a device of its own.
    """
    datasets: dict[str, DatasetCost] = {}

    def of_runs(some: Sequence[Target]) -> list[RunCost]:
        return [_run(run, found, _dataset(datasets, run), speed, counted) for run, found in runs_of(some)]

    found = [TargetCost(target, of_runs([target])) for target in asked]
    return Costs(found, of_runs(asked), list(datasets.values()), jobs)


def _dataset(known: dict[str, DatasetCost], run: Run) -> DatasetCost:
    key = run.dataset.key
    if key not in known:
        clips = clips_of(run.dataset)
        known[key] = DatasetCost(run.dataset, clips, room_for_frames(run.dataset, clips))
    return known[key]


def _run(
    run: Run,
    predictions: Sequence[Prediction],
    dataset: DatasetCost,
    speed: Callable[[Run], Speed],
    counted: Mapping[Shape, Counted],
) -> RunCost:
    recipe, fold = run.spec["recipe"], run.spec["fold"]
    clips, shown = dataset.clips.train.get(fold), dataset.clips.validation.get(fold)
    classes = run.dataset.entry.expect.get("classes")
    counts = counted.get(shape_of_run(run))
    rate, views_each, epochs = speed(run), views_of_a_clip(recipe), recipe["epochs"]
    done = Path(run.folder, "run.json").is_file()
    views = {p.path: None if shown is None else shown * _views(p) for p in predictions}
    new = [views[path] for path in views if not Path(path).is_file()]
    new_views = None if None in new else sum(v for v in new if v is not None)
    training = None if clips is None else clips * epochs * views_each
    entry = None if shown is None or not isinstance(classes, int) else shown * (4 * classes + PREDICTION_BYTES)
    return RunCost(
        run=run,
        done=done,
        clips=clips,
        epochs=epochs,
        views_of_a_clip=views_each,
        steps=None if clips is None else -(-clips // recipe["global_batch"]) * epochs,
        train_hours=0.0 if done else _hours(training, rate.training),
        views=views,
        new_views=new_views,
        evaluate_hours=_hours(new_views, rate.evaluation),
        prediction_bytes=None if entry is None and predictions else (entry or 0) * len(predictions),
        weights_bytes=round(4e6 * counts.params_m) if counts else None,
        flops_g=counts.flops_g if counts else None,
        speed=rate,
    )


def _views(prediction: Prediction) -> int:
    return prediction.spec["protocol"]["clips"] * prediction.spec["protocol"]["crops"]


def _hours(views: int | None, rate: float | None) -> float | None:
    if views == 0:
        return 0.0
    return None if views is None or rate is None else views / rate / 3600
