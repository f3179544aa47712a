"""`stm check`: what is wrong with the data of a study, before hours are spent on it. Nothing is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stm.config.plan import Plan
from stm.config.products import DatasetPlan
from stm.data.annotations import AnnotationError, Clip, class_list, read
from stm.data.check import listed, videos
from stm.data.check.finding import Finding, counted, error
from stm.data.counts import Expected, counts, unexpected
from stm.data.decoding import DecoderError
from stm.data.mirror import FROM_LABELS
from stm.data.synthetic import labels

__all__ = ["Finding", "Report", "check_study", "print_reports"]


@dataclass
class Report:
    """What is known of one dataset, and what is wrong with it."""

    dataset: str
    title: str
    lines: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def check_study(plan: Plan, sample: int | None) -> Iterator[Report]:
    """A report on each dataset that the study binds, each once, as soon as it is done.

    Args:
        plan: the study, resolved.
        sample: how many clips of a dataset to decode; None decodes all.

    Raises:
        ConfigError: a table of the study is wrong.
    """
    roles: dict[str, list[str]] = {}
    for role, name in plan.settings.roles.items():
        roles.setdefault(name, []).append(role)
    for name, played in roles.items():
        dataset = plan.dataset(name)
        report = Report(name, f"{dataset.entry.title} (for {', '.join(played)})")
        file = str(plan.config / "datasets" / f"{name}.yaml")
        if dataset.entry.render is not None:
            _check_rendered(report, dataset, file)
        elif found := _read(report, dataset):
            clips, labels = found
            _check_listed(report, dataset, clips, labels, file)
            lines = [line for table in plan.tables for line in plan.table(table).lines if line.predictions]
            of_dataset = [line for line in lines if line.predictions[0][0].run.dataset.name == name]
            frames = [line.entry.frames for line in of_dataset if line.entry.frames]
            _check_videos(report, dataset, clips, frames, sample)
        yield report


def print_reports(reports: Iterable[Report]) -> int:
    """Write the reports to stdout, findings a line each, and return how many errors there are."""
    levels = []
    for report in reports:
        print(f"{report.dataset}: {report.title}")
        for line in report.lines:
            print(f"  {line}")
        for finding in report.findings:
            print(finding.of(report.dataset))
        print(flush=True)
        levels += [finding.level for finding in report.findings]
    errors = levels.count("error")
    print(f"{counted(errors, 'error')}, {counted(len(levels) - errors, 'warning')}")
    return errors


def _read(report: Report, dataset: DatasetPlan) -> tuple[list[Clip], list[str]] | None:
    """The clips of the annotation files, and the classes in their order; None where the reader refuses them."""
    try:
        clips = read(dataset.listing_spec)
        return clips, class_list(dataset.listing_spec, clips)
    except (AnnotationError, OSError) as problem:
        report.findings.append(error(str(problem)))
        return None


def _check_rendered(report: Report, dataset: DatasetPlan, file: str) -> None:
    """Of videos that the project draws itself, what is known before they are drawn."""
    render = dataset.entry.render
    assert render is not None, "asked for rendered datasets alone"
    try:
        known = labels(render.settings())
    except ValueError as problem:
        report.findings.append(error(f"render: {problem}. Correct it in {file}"))
        return
    drawn = ", ".join(f"{split} {count:,}" for split, count in render.clips.items())
    report.lines += [f"drawn by the project, nothing can be missing: {drawn} clips", listed.class_line(sorted(known))]
    report.lines += _mirror_lines(dataset, known)
    found: dict[str, list[int]] = {"classes": [len(known)], "clips": [sum(render.clips.values())]}
    # Groups that are left out make splits of their own.
    if not dataset.entry.leave_groups_out:
        found |= {split: [count] for split, count in render.clips.items()}
    expect = {name: count for name, count in dataset.entry.expect.items() if name in found}
    report.findings += _unexpected(found, expect, file)
    report.findings += listed.unknown_pairs(dataset.entry.reversed_pairs, known, file)
    report.findings += listed.unknown_pairs(_flip_pairs(dataset), known, file, "flip_pairs")


def _check_listed(report: Report, dataset: DatasetPlan, clips: list[Clip], known: list[str], file: str) -> None:
    folds = dataset.folds
    report.lines += [f"{counted(len(clips), 'clip')} in {', '.join(dataset.annotation_paths)}"]
    report.lines += [listed.class_line(known), *listed.split_lines(clips, folds), *_mirror_lines(dataset, known)]
    report.findings += [
        *_unexpected(counts([clip.splits for clip in clips], len(known)), dataset.entry.expect, file),
        *listed.empty_splits(clips, folds),
        *listed.classes_of_one_split(clips, folds),
        *listed.look_alikes(clips),
        *listed.shared_groups(clips, folds, left_out=dataset.entry.leave_groups_out is not None),
        *listed.unknown_pairs(dataset.entry.reversed_pairs, known, file),
        *listed.unknown_pairs(_flip_pairs(dataset), known, file, "flip_pairs"),
    ]


def _unexpected(found: Mapping[str, Sequence[int]], expect: Expected, file: str) -> list[Finding]:
    advice = f"Complete the annotation files, or correct `expect` in {file}"
    return [error(f"{problem}. {advice}") for problem in unexpected(found, expect)]


def _mirror_lines(dataset: DatasetPlan, known: list[str]) -> list[str]:
    """What a flip exchanges, where the labels say it."""
    found = dataset.entry.flip and dataset.entry.flip_pairs == FROM_LABELS
    return [listed.mirror_line(known)] if found else []


def _flip_pairs(dataset: DatasetPlan) -> list[list[str]]:
    """Those that the dataset names."""
    pairs = dataset.entry.flip_pairs
    return [] if isinstance(pairs, str) else pairs


def _check_videos(
    report: Report, dataset: DatasetPlan, clips: list[Clip], frames: list[int], sample: int | None
) -> None:
    files = videos.find_files(clips, dataset.videos, dataset.listing_spec)
    report.lines.append(videos.file_line(files, dataset.videos))
    report.findings += [
        *videos.lost_files(files, dataset.videos),
        *videos.lost_splits(clips, files.present, dataset.folds),
        *videos.same_files(files),
    ]
    try:
        chosen = videos.sample(files.present, sample)
        decoded = list(videos.decode(chosen, dataset.videos, dataset.entry.decoder))
    except DecoderError as problem:
        report.findings.append(error(str(problem)))
        return
    report.lines.append(videos.decoded_line(decoded, len(files.present)))
    report.findings += [*videos.faulty(decoded), *videos.short(decoded, frames)]
