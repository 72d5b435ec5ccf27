"""The checkout that the tests run in, and read files of."""

from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
