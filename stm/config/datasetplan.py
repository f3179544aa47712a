"""What the datasets of a study list, beside what the papers say of them: `datasets`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stm.config.products import PACKAGE, DatasetPlan
from stm.config.schema.claims import Claim
from stm.config.schema.datasets import ANNOTATIONS, RoleFacts
from stm.config.study import BoundStudy
from stm.config.tableplan import REPORTING_SOURCES
from stm.files import source_digest


@dataclass(frozen=True)
class CountedRole:
    """A role of the papers; without a dataset, none is bound to it."""

    role: str
    facts: RoleFacts
    dataset: DatasetPlan | None

    @property
    def annotations(self) -> dict[str, str]:
        """The annotation files that are counted, by the parts that they play."""
        if self.dataset is None:
            return {}
        test = {"test": self.test_list[0]} if self.test_list else {}
        return {**test, **self.dataset.annotations}

    @property
    def test_list(self) -> list[str]:
        """The list of test clips that nothing else reads, if it is there."""
        path = self.dataset.entry.test_list if self.dataset else None
        return [path] if path is not None and Path(path).is_file() else []

    @property
    def files(self) -> list[str]:
        """The paths of these files; none where nothing is counted."""
        if self.dataset is None or not self.counted:
            return []
        return [*self.dataset.annotation_files, *self.test_list]

    @property
    def absent(self) -> list[str]:
        """Files that are not there."""
        files = self.dataset.annotation_files if self.dataset else []
        return [file for file in files if not Path(file).is_file()]

    @property
    def counted(self) -> bool:
        """Whether its lists are read: a drawn dataset says nothing of the papers', and is not drawn to be counted."""
        return self.dataset is not None and not self.dataset.entry.render and not self.absent

    @property
    def obstacle(self) -> str | None:
        """Why no claim about the role can be tested in this study."""
        if self.dataset is None:
            return f"no dataset is bound to {self.role}"
        if self.dataset.entry.genuine != self.role:
            return f"{self.dataset.name} is not the papers' {self.facts.title}"
        if self.absent:
            return f"{self.absent[0]} is not there"
        return None

    @property
    def spec(self) -> dict[str, Any]:
        dataset = self.dataset
        listing = {**dataset.listing_spec, "annotations": self.annotations} if dataset and self.counted else None
        return {
            "role": self.role,
            "title": self.facts.title,
            "dataset": dataset.name if dataset else None,
            "genuine": dataset is not None and dataset.entry.genuine == self.role,
            "listing": listing,
            "obstacle": self.obstacle,
            # What somebody says of how much the files list.
            "expected": sorted(dataset.entry.expect) if dataset else [],
            # The makers' clips are then not all counted.
            "without_test": dataset is not None
            and "test" in ANNOTATIONS[dataset.entry.format][1]
            and "test" not in self.annotations,
        }


@dataclass(frozen=True)
class DatasetsPlan:
    """What `datasets` needs and what its stage is told."""

    study: str
    roles: list[CountedRole]
    claims: list[tuple[str, Claim]]

    @property
    def files(self) -> list[str]:
        """Annotation files alone: neither videos nor frames."""
        return list(dict.fromkeys(file for role in self.roles for file in role.files))

    @property
    def expected(self) -> list[str]:
        """What says that each list is whole: a truncated one refutes nobody."""
        return [f"{role.dataset.folder}/expected.json" for role in self.roles if role.dataset and role.files]

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that the stage needs to know beside the files that it reads."""
        readers = (PACKAGE / "data" / "annotations", PACKAGE / "data" / "counts.py")
        return {
            "code": source_digest(*REPORTING_SOURCES, *readers),
            "study": self.study,
            "roles": [role.spec for role in self.roles],
            "claims": [{"paper": paper, **claim.model_dump(exclude_none=True)} for paper, claim in self.claims],
        }


def datasets_plan(study: BoundStudy) -> DatasetsPlan:
    """Every role of the papers in this study.

    Raises:
        ConfigError: a file of claims is wrong.
    """
    roles = [
        CountedRole(role, facts, study.dataset_of(role) if role in study.settings.roles else None)
        for role, facts in study.role_facts.items()
    ]
    claims = [(paper, claim) for _, _, paper, claim in study.claims if claim.listed is not None]
    return DatasetsPlan(study.name, roles, claims)
