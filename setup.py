"""The package's long description: README.md without what only a checkout or a Space shows.

All else is in pyproject.toml.
"""

import re
from pathlib import Path

from setuptools import setup

readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
text = readme.split("---\n", 2)[2].lstrip()  # the front matter is for a Space
text = re.sub(r"<!--.*?-->\n|^!\[[^\n]*\n\n", "", text, flags=re.DOTALL | re.MULTILINE)
text = re.sub(r"\[([^][]+)\]\((?!http)[^)]*\)", r"\1", text)  # links and pictures need the files
setup(long_description=text, long_description_content_type="text/markdown")
