"""docs/troubleshooting.md: what it advises works."""

import re
import subprocess
import sys

from conftest import ROOT, slow

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()


@slow
def test_processes_started_by_spawn_read(tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, tmp_path / "program.py"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "[7, 7]\n", result.stderr
