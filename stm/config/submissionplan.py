"""Answers for test clips whose labels the makers keep: which lines of a study's tables can give them."""

from dataclasses import dataclass

from stm.config.loading import ConfigError
from stm.config.products import DatasetPlan, Prediction
from stm.config.study import BoundStudy
from stm.config.tableplan import TablePlan

# Of the formats whose makers had a server: the form that it took (`stm.evaluation.submission`).
FORMS = {"something_v1": "label", "jester": "label", "something_v2": "five_numbers"}


@dataclass(frozen=True)
class Submission:
    """One run's predictions of the test split, and the form in which the makers' server took them."""

    prediction: Prediction
    form: str


def submission(study: BoundStudy, table: TablePlan, number: int, seed: int) -> Submission:
    """What a line of a table answers under its own protocol.

    Args:
        study: the study.
        table: one of its tables.
        number: of the line, as in the table's column `line`.
        seed: of the run.

    Raises:
        ConfigError: the line is not trained from this seed, or its dataset has no test clips that a server asks for.
    """
    trained = {line.number: line for line in table.lines if line.predictions}
    if number not in trained:
        known = ", ".join(map(str, trained)) or "none"
        raise ConfigError(f"line {number} of {table.name} is not trained in study '{study.name}'. Trained: {known}")
    of_seed = {seed[0].run.spec["seed"]: seed for seed in trained[number].predictions}
    if seed not in of_seed:
        raise ConfigError(f"seed {seed} is not trained in study '{study.name}'. It has: {study.settings.seeds}")
    first = of_seed[seed][0]
    if why := obstacle(first.run.dataset):
        raise ConfigError(f"line {number} of {table.name} cannot be submitted: {why}")
    return Submission(study.prediction(first.run, first.protocol, "test"), FORMS[first.run.dataset.entry.format])


def obstacle(dataset: DatasetPlan) -> str | None:
    """Why nothing of a dataset can be submitted."""
    file = f"config/datasets/{dataset.name}.yaml"
    if dataset.entry.format not in FORMS:
        return f"{dataset.name} has format {dataset.entry.format}, and servers were for {', '.join(FORMS)}"
    if dataset.subset:
        return f"{dataset.name} is a part of its dataset, with other classes or clips than the server's"
    if dataset.folds != [None]:
        return f"{dataset.name} is trained in folds: each network would give other answers"
    if "test" not in dataset.annotations:
        return f"{file} extracts no test clips. Name their list: `test:` in its `annotations`"
    return None
