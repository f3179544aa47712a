"""The kinds of values that keys of several files take."""

from typing import Annotated

from pydantic import AfterValidator, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=100)]
Count = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
NotNegativeInt = Annotated[int, Field(ge=0)]


def _for_a_disk(path: str) -> str:
    if len(path) > 4096 or any(len(part.encode()) > 255 for part in path.split("/")):
        raise ValueError("no file can have so long a name")
    return path


FilePath = Annotated[str, AfterValidator(_for_a_disk)]
