"""A made table: four lines of 8 classes in 4 reversed pairs, their predictions drawn with wanted accuracies."""

import zlib

import numpy as np
import pytest

from stm.evaluation.predictions import Predictions, write
from stm.files import write_sealed

PUBLISHED = {"TSN": (19.7, 46.6), "CSTM": (47.7, 77.9), "CMM": (44.1, 74.8), "STM": (49.2, 79.3)}


class MadeTable:
    """Specifications as `stm.config.tableplan.TablePlan` gives them, and the files that they name, in one folder."""

    def __init__(self, folder, clips=240, classes=8):
        self.folder, self.count = folder, clips
        self.classes = [f"class{i}" for i in range(classes)]
        self.pairs = [[self.classes[i], self.classes[i + 1]] for i in range(0, classes - 1, 2)]
        self.labels = np.arange(clips) % classes

    def predictions(self, name, accuracy, seed=0, **changes):
        """Write a file in which a share of the clips is right and the others are taken for their partner class."""
        generator = np.random.default_rng([zlib.crc32(name.encode()), seed])
        right = generator.permutation(self.count) < round(accuracy * self.count)
        partner = np.where((self.labels ^ 1) < len(self.classes), self.labels ^ 1, 0)
        scores = generator.random((self.count, len(self.classes))).astype(np.float32) * 0.01
        scores[np.arange(self.count), self.labels] += np.where(right, 0.6, 0.3).astype(np.float32)
        scores[np.arange(self.count), partner] += np.float32(0.4)
        values = {
            "clips": [f"clip{i}" for i in range(self.count)],
            "labels": self.labels,
            "groups": [""] * self.count,
            "scores": scores,
            "classes": self.classes,
            "record": {"listed": self.count},
        }
        path = self.folder / "results" / name / f"seed{seed}.arrow"
        write(path, Predictions(**{**values, **changes}))
        return str(path)

    def complexity(self, name, params_m, flops_g):
        path = self.folder / "results" / f"{name}.json"
        write_sealed(path, {"params_m": params_m, "flops_g": flops_g, "uncounted": {}})
        return str(path)

    def run(self, method, seed):
        """The record of a run that made predictions."""
        folder = self.folder / "results" / "runs" / f"{method.lower()}-8f-demo-0123abcd" / f"seed{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        record = {
            "train_clips": 576,
            "data_digest": "d16e57",
            "weights_sha256": f"{seed}" * 64,
            "precision": "float32",
            "processes": 1,
            "seconds": 12.5,
            "peak_memory_mb": 900.0,
            "spec": {"dataset": {"name": "drawn"}, "seed": seed},
            "provenance": {
                "stm": "0.1.0",
                "commit": "0a1b2c3d",
                "python": "3.11.7",
                "torch": "2.15.0",
                "numpy": "2.4.6",
                "system": "Linux x86_64",
                "processor": "A <fast> one",
                "cores": 2,
                "threads": 1,
                "device": "cpu",
                "cuda": None,
                "cudnn": None,
            },
        }
        write_sealed(folder / "run.json", record)
        return str(folder)

    def line(self, number, method, accuracy=None, seeds=1, **measured):
        """A line; measured where an accuracy is given."""
        top1, top5 = PUBLISHED[method]
        return {
            "line": number,
            "name": method,
            "method": method,
            "role": "something_v1",
            "subset": "val",
            "frames": 8,
            "describe": {},
            "published": {"top1": top1, "top5": top5},
            "published_protocol": "1 view" if method == "TSN" else "full",
            "published_clips": 11522,
            "note": "the TSN row of Table 1" if method == "TSN" else None,
            "counts": None if accuracy is None else self.counts(method),
            "timed": None,
            "measured": None if accuracy is None else self.measured(method, accuracy, seeds, **measured),
        }

    def counts(self, method):
        return {
            "full_size": self.complexity(f"{method}-full", 24.03571234, 33.256),
            "run_size": self.complexity(f"{method}-run", 0.5, 0.25),
        }

    def measured(self, method, accuracy, seeds, **changes):
        settings = {
            "dataset": "drawn",
            "experiment": f"drawn/{method.lower()}-8f-demo-0123abcd",
            "protocol": "full",
            "views": 2,
            "seeds": list(range(seeds)),
            "predictions": [[self.predictions(method, accuracy, seed)] for seed in range(seeds)],
            "runs": [self.run(method, seed) for seed in range(seeds)],
            "deviations": ["data: drawn for Something-Something v1", "recipe: demo for iccv2019"],
            "sees_order": method != "TSN",
            "learns_order": method != "TSN",
            "permuted_labels": False,
            "obstacle": None,
            "twins": None,
            "classes": len(self.classes),
            "published_classes": 174,
            "order_only": True,
            "reversed_pairs": self.pairs,
            "genuine": False,
            "tests_claims": True,
        }
        return {**settings, **changes}

    def spec(self, lines, claims=()):
        return {
            "code": "0",
            "table": "table6",
            "study": "demo",
            "paper": "tpami2022",
            "where": "Table 6",
            "title": "Impact of two modules",
            "latency": None,
            "measures": ["top1", "top5"],
            "source": "TPAMI 2022, Table 6",
            "speed": None,
            "lines": lines,
            "others": {},
            "claims": list(claims),
            "families": {},
        }

    def table6(self, claims=(), seeds=1, **measured):
        """The demo's outcome: TSN at chance inside pairs, the others well above."""
        accuracies = {"TSN": 0.5, "CSTM": 0.94, "CMM": 0.85, "STM": 0.95}
        lines = [self.line(i, name, a, seeds, **measured) for i, (name, a) in enumerate(accuracies.items(), 1)]
        return self.spec(lines, claims)

    def timed(self, rounds, claims=(), published=None, **changes):
        """Table 6 with speeds: rounds of each line by its method, and of torchvision's ResNet-50."""
        spec = self.table6(claims)
        for line in spec["lines"]:
            line["timed"] = line["method"] if line["method"] in rounds else None
        record = {
            "spec": {"tsn": "TSN", "modes": ["plain"], "batch": 1, "precision": "float32"},
            "provenance": {"device": "cpu", "processor": "a processor", "threads": 2},
            "share_elsewhere": 0.01,
            "videos_per_second": {"plain": rounds},
            "left_out": {"plain": {}},
        }
        for key, values in changes.items():
            record[key] = record[key] | values if isinstance(values, dict) else values
        path = self.folder / "results" / "speed" / "table6.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(path, record)
        spec["speed"] = {"record": str(path), "published": published or {"device": "a GPU", "batch": 16}}
        spec["measures"] = ["videos_per_second", "speed_vs_tsn", "top1"]
        return spec

    def claim(self, name, first, second, kind="direction", **changes):
        measure = changes.pop("measure", "top1")
        values = {
            "paper": "tpami2022",
            "id": name,
            "where": "Section 5.1",
            "statement": f"{first} above {second}",
            "kind": kind,
            "compare": {"table": "table6", "first": first, "second": second, "measure": measure},
        }
        return {**values, **changes}


@pytest.fixture
def made(tmp_path):
    return MadeTable(tmp_path)


@pytest.fixture
def make(tmp_path):
    """A made table of another size."""
    return lambda **sizes: MadeTable(tmp_path, **sizes)
