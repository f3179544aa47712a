"""A table in the paper's own shape, as Markdown and as LaTeX: each measured figure beside the published one."""

from typing import Any

from stm.config.reportplan import PAPERS
from stm.csvfile import Value, csv_cell
from stm.reporting.cells import latex, markdown
from stm.reporting.speeds import PLAIN

LABELS = {
    "top1": "Top-1 (%)",
    "top5": "Top-5 (%)",
    "params_m": "Parameters (M)",
    "flops_g": "FLOPs (G)",
    "videos_per_second": "Videos/s",
    "speed_vs_tsn": "Speed, TSN = 1",
    "latency_ms": "Latency (ms)",
}
DECIMALS = {
    "top1": 1,
    "top5": 1,
    "params_m": 2,
    "flops_g": 2,
    "videos_per_second": 2,
    "speed_vs_tsn": 2,
    "latency_ms": 1,
    "cached_latency_ms": 1,
    "cached_of_plain": 2,
}
# Columns of a table in which its lines differ.
COMMON = ("role", "subset", "frames")

Row = dict[str, Value]


def table_markdown(spec: dict[str, Any], rows: list[Row], claims: list[Row]) -> str:
    """The page of one table: figures, notes, verdicts."""
    described, measures = descriptors_of(spec), spec["measures"]
    marks, notes = footnotes(spec)
    header = ["Model", *described, *(f"{LABELS[m]} {kind}" for m in measures for kind in ("measured", "published"))]
    text = [f"# {heading(spec)}", "", markdown(spec["title"]), ""]
    text += [_line(map(markdown, header)), _line(["---"] * (1 + len(described)) + ["---:"] * (2 * len(measures)))]
    for line, row in with_lines(spec, rows):
        cells = [markdown(cell) for cell in line_cells(line, row, described, measures)]
        cells[0] += f" <sup>{marks[line['line']]}</sup>" if line["line"] in marks else ""
        text.append(_line(cells))
    text += ["", *(f"- <sup>{mark}</sup> {markdown(note)}" for mark, note in notes.items())]
    text += [f"- {markdown(note)}" for note in remarks_of(spec, rows)]
    if claims:
        text += ["", "## What the table claims", "", *claims_markdown(texts(claims))]
    return "\n".join(text) + "\n"


def table_latex(spec: dict[str, Any], rows: list[Row]) -> str:
    """The table for a document that loads the package booktabs."""
    described, measures = descriptors_of(spec), spec["measures"]
    marks, notes = footnotes(spec)
    above = [""] * (1 + len(described)) + [rf"\multicolumn{{2}}{{c}}{{{latex(LABELS[m])}}}" for m in measures]
    starts = [2 + len(described) + 2 * i for i in range(len(measures))]
    header = ["Model", *map(latex, described), *(["measured", "published"] * len(measures))]
    text = ["% needs \\usepackage{booktabs}", r"\begin{table}", r"\centering"]
    text += [rf"\caption{{{latex(heading(spec))}. {latex(spec['title'])}.}}"]
    text += [rf"\begin{{tabular}}{{{'l' * (1 + len(described))}{'rr' * len(measures)}}}", r"\toprule"]
    text += [_row(above), " ".join(rf"\cmidrule(lr){{{s}-{s + 1}}}" for s in starts), _row(header), r"\midrule"]
    for line, row in with_lines(spec, rows):
        cells = [latex(cell) for cell in line_cells(line, row, described, measures)]
        cells[0] += rf"\textsuperscript{{{marks[line['line']]}}}" if line["line"] in marks else ""
        text.append(_row(cells))
    text += [r"\bottomrule", r"\end{tabular}", "", r"\smallskip\footnotesize"]
    remarks = [rf"\textsuperscript{{{mark}}}~{latex(note)}." for mark, note in notes.items()]
    text += [rf"{remark}\par" for remark in [*remarks, *(f"{latex(note)}." for note in remarks_of(spec, rows))]]
    return "\n".join([*text, r"\end{table}"]) + "\n"


def claims_markdown(rows: list[dict[str, str]]) -> list[str]:
    """Claims as the lines of a Markdown table, from the cells of their csv file."""
    if not rows:
        return ["None."]
    text = [
        _line(["Claim", "Statement", "Published", "Measured", "Verdict", "Could have seen", "Why"]),
        _line(["---", "---", "---:", "---:", "---", "---:", "---"]),
    ]
    for row in rows:
        statement = f"{row['statement']} ({row['where']})"
        cells = [
            *(row["claim"], statement, with_interval(row, "published"), with_interval(row, "measured")),
            *(row["verdict"], smallest_seen(row), row["why"]),
        ]
        text.append(_line(map(markdown, cells)))
    return [*text, "", claims_legend(rows)]


def claims_legend(rows: list[dict[str, str]]) -> str:
    """What the figures of these claims are: of each unit among them, and of all."""
    units = {row["unit"] for row in rows}
    return " ".join(text for of, text in LEGEND if units & set(of) or not of)


def smallest_seen(row: dict[str, str]) -> str:
    """The smallest true difference that would have been found; nothing where a claim has none."""
    return row["smallest_effect"] and f"±{_figure(row, row['smallest_effect']).removeprefix('+')}"


# Of what figures measure.
OF_FEATURES = ("silhouette", "distance")
OF_MAPS = ("correlation", "share of energy")
# By unit; what holds of all stands last.
LEGEND: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("points", "percent"),
        "Differences in percentage points, accuracies in percent; the published ones' intervals are binomial, as of "
        "unrelated clips.",
    ),
    (
        OF_FEATURES,
        "Of features: differences of mean silhouettes, which lie between -1 and 1, or of mean distances of features at "
        "unit length, in parts of the largest one.",
    ),
    (
        OF_MAPS,
        "Of maps: differences of mean correlations, which lie between -1 and 1, or of the mean shares of a map's "
        "energy, between 0 and 1.",
    ),
    (("M", "G"), "Counts in millions (M) and 10^9 multiply-adds (G)."),
    (("ratio", "videos/s", "ms"), "Speeds and their ratios: the median of rounds, with their range."),
    (
        (),
        '95% intervals. "Could have seen": the smallest true difference that these clips and seeds would have found '
        "with 80% power.",
    ),
)


def grouped(named: list[tuple[str, str]], everything: str) -> list[str]:
    """`names: text` for every distinct text that is not empty; one that all share stands under `everything`."""
    names: dict[str, list[str]] = {}
    for name, text in named:
        names.setdefault(text, []).append(name)
    return [f"{everything if len(names) == 1 else ', '.join(n)}: {text}" for text, n in names.items() if text]


def place(spec: dict[str, Any]) -> str:
    """Where the papers have a table or a figure; of controls, what they are."""
    return spec["where"] if spec["paper"] == "controls" else f"{spec['where']} of {PAPERS[spec['paper']]}"


def heading(spec: dict[str, Any]) -> str:
    return f"{place(spec)}, study {spec['study']}"


def descriptors_of(spec: dict[str, Any]) -> list[str]:
    """The paper's own descriptor columns, and before them what all lines have and not all alike."""
    unlike = [key for key in COMMON if len({line[key] for line in spec["lines"]}) > 1]
    return list(dict.fromkeys([*unlike, *(key for line in spec["lines"] for key in line["describe"])]))


def with_lines(spec: dict[str, Any], rows: list[Row]) -> list[tuple[dict[str, Any], Row]]:
    """Each row after its line: one whose network is timed in several modes has a row a mode."""
    lines = {line["line"]: line for line in spec["lines"]}
    return [(lines[row["line"]], row) for row in rows]


def in_mode(row: Row) -> str:
    """What follows the method's name where the row is of another mode than the paper's."""
    return f", {row['mode']}" if row.get("mode") not in (None, PLAIN) else ""


def line_cells(line: dict[str, Any], row: Row, described: list[str], measures: list[str]) -> list[str]:
    descriptors = {**{key: line[key] or "" for key in COMMON}, **line["describe"]}
    cells = [line["method"] + in_mode(row), *(str(descriptors.get(key, "")) for key in described)]
    for name in measures:
        cells += [_measured(row, name), _number(row[f"published_{name}"])]
    return cells


def _measured(row: Row, name: str) -> str:
    value, decimals = row[name], DECIMALS[name]
    if value is None:
        return ""
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return f"{value:.{decimals}f}" + (f" [{low:.{decimals}f}, {high:.{decimals}f}]" if low is not None else "")


def _number(value: Value) -> str:
    """A published figure as it is printed."""
    return "" if value is None else str(value)


def footnotes(spec: dict[str, Any]) -> tuple[dict[int, str], dict[str, str]]:
    """The footnote letter of each line that has one, and the notes by their letters."""
    letters: dict[str, str] = {}
    marks = {}
    for line in spec["lines"]:
        parts = [_unlike_protocol(line), line["note"]]
        note = "; ".join(part for part in parts if part)
        if note:
            marks[line["line"]] = letters.setdefault(note, chr(ord("a") + len(letters)))
    return marks, {letter: note for note, letter in letters.items()}


def _unlike_protocol(line: dict[str, Any]) -> str:
    run = line["measured"]
    if run is None or not line["published"] or line["published_protocol"] == run["protocol"]:
        return ""
    theirs, ours = line["published_protocol"], f"{run['protocol']}, {run['views']} views"
    return f"protocols differ: published with {theirs}, measured with {ours}"


def _names(spec: dict[str, Any]) -> dict[Value, str]:
    """Of each line its method, and where several have the same one, in what they differ."""
    names: dict[Value, str] = {}
    for line in spec["lines"]:
        alike = [other for other in spec["lines"] if other["method"] == line["method"]]
        unlike = [key for key in COMMON if line[key] and len({other[key] for other in alike}) > 1]
        told = [f"{line[key]} frames" if key == "frames" else str(line[key]) for key in unlike]
        names[line["line"]] = line["method"] + (f" ({', '.join(told)})" if told else "")
    return names


def remarks_of(spec: dict[str, Any], rows: list[Row]) -> list[str]:
    """What holds of many lines: sources, what the intervals cover, deviations, cells left empty."""
    remarks = [f"Published: {spec['source']}"] if spec["source"] else []
    found = [row for row in rows if row["dataset"] is not None]
    for row in {(r["dataset"], r["clips"], r["seeds"], r["interval_covers"]): r for r in found}.values():
        seeds = "1 seed" if row["seeds"] == 1 else f"{row['seeds']} seeds"
        covers = "the choice of clips, not another training" if row["seeds"] == 1 else row["interval_covers"]
        remarks.append(f"Measured: {row['dataset']}, {row['clips']} clips, {seeds}; 95% intervals cover {covers}")
    for mode, batch in {(row["mode"], row["batch"]): None for row in rows if row.get("mode")}:
        clips = "1 clip" if batch == 1 else f"{batch} clips"
        remarks.append(f"Videos a second: the median of rounds with their range, {mode} networks, {clips} a batch")
    deviating = [row for row in rows if row["deviations"] is not None]
    names = _names(spec)
    deviations = grouped([(names[r["line"]] + in_mode(r), str(r["deviations"])) for r in deviating], "all lines")
    remarks += [text for text in dict.fromkeys(map(_cached, rows)) if text]
    remarks += [f"Deviations from the paper, {line}" for line in deviations]
    statuses = [(names[r["line"]] + in_mode(r), "" if r["status"] == "ok" else str(r["status"])) for r in rows]
    return remarks + grouped(statuses, "All lines")


def _cached(row: Row) -> str:
    """What keeping the stem's results saves of a stream's frame; nothing of a row that is none, or has no such form."""
    plain, cached = row.get("step_flops_g"), row.get("cached_step_flops_g")
    if plain is None or cached is None:
        return ""
    latencies = f"{_measured(row, 'cached_latency_ms')} ms a frame for {_measured(row, 'latency_ms')}"
    latencies += f", round by round {_measured(row, 'cached_of_plain')} of it"
    flops = f"{cached:.2f} GFLOPs for {plain:.2f}, {1 - float(cached) / float(plain):.1%} saved"
    return f"{row['method']} with the stem's results kept (`stm online --cached`): {latencies}; {flops}"


def with_interval(row: dict[str, str], name: str) -> str:
    """A figure of a claim in its unit, with its interval where it has one."""
    if not row[name]:
        return ""
    low, high = (row[f"{name}_{end}"] if name == "published" else row[end] for end in ("low", "high"))
    interval = f" [{_figure(row, low)}, {_figure(row, high)}]" if low and high else ""
    unit = {"M": "M", "G": "G", "ratio": "×", "videos/s": " V/s", "ms": " ms"}.get(row["unit"], "")
    return f"{_figure(row, row[name])}{unit}{interval}"


def _figure(row: dict[str, str], cell: str) -> str:
    """Differences carry their sign, accuracies do not; other figures stand as they are."""
    if row["unit"] == "points":
        return f"{float(cell):+.1f}"
    if row["unit"] in (*OF_FEATURES, *OF_MAPS):
        return f"{float(cell):+.3f}"
    return f"{float(cell):.1f}" if row["unit"] == "percent" else cell


def texts(claims: list[Row]) -> list[dict[str, str]]:
    """Claims as their csv file has them."""
    return [{column: csv_cell(value) for column, value in row.items()} for row in claims]


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _row(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
