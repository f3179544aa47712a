"""Does this paper hold? A pipeline for the STM action-recognition papers (ICCV 2019, TPAMI 2022)."""

__version__ = "0.1.0"
