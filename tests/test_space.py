"""The folder of a Space, pushed to a loopback Hub, and run as a Space runs it."""

import json
import re
import shlex
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, ask_worker
from loopback_hub import TOKEN


def push_space(hub, *arguments, token=TOKEN):
    return ask_worker(hub, "main", ["push-space", *arguments], {"HF_TOKEN": token})


@pytest.fixture
def folder(hub, tmp_path):
    result = push_space(hub, "me/demo", "--dry-run", tmp_path / "space")
    assert result.returncode == 0, result.stderr
    assert hub.requests == []
    return tmp_path / "space"


def read_front_matter(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_folder_holds_what_a_space_needs_and_nothing_else(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= {"app.py", "README.md", "requirements.txt", "checkpoints/model.safetensors"}
    page = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "digitrec" / "demo" / "page").rglob("*")
        if path.is_file()
    }
    assert names >= page
    assert {name for name in names if name.endswith(".py")} >= {"digitrec/demo/layout.py"}
    assert [name for name in names if name.startswith("digitrec/training/")] == []
    assert {name.split("/")[0] for name in names} == {
        *["app.py", "README.md", "LICENSE", "requirements.txt", "checkpoints", "digitrec"]
    }
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    # Gradio's one pin is the sdk_version: a second one would be in its way.
    requirements = (folder / "requirements.txt").read_text()
    assert "\ngradio==" not in requirements and "\nflax==" in requirements
    front_matter = read_front_matter(folder)
    assert front_matter["sdk"] == "gradio" and front_matter["sdk_version"] == version("gradio")
    assert front_matter["python_version"] == "3.12.12"  # ZeroGPU has no 3.11
    assert "models" not in front_matter


def test_space_is_pushed_in_one_commit_and_what_became_stale_is_deleted(hub, folder):
    pushed = push_space(hub, "me/demo", "--hardware", "zero-a10g")
    assert pushed.returncode == 0, pushed.stderr
    space = hub.repositories["spaces/me/demo"]
    assert pushed.stdout.strip() == f"{hub.url}/spaces/me/demo/commit/{space.commits[-1][0]}"
    assert len(space.commits) == 2
    assert (space.request["sdk"], space.request["hardware"]) == ("gradio", "zero-a10g")
    built = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(space.files) == built
    space.commit(space.files | {"digitrec/old.py": b"", ".gitattributes": b""})
    assert push_space(hub, "me/demo").returncode == 0
    assert set(space.files) == built | {".gitattributes"}


def test_steps_of_the_page_write_and_push_a_space(hub, tmp_path):
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "space.md").read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if "push-space" in line]
    assert [line.partition(" ")[0] for line in lines] == ["digitrec", "digitrec"]
    dry_run, push = (line.replace("USER/NAME", "me/demo") for line in lines)
    target = str(tmp_path / "space")
    looked = ask_worker(hub, "digitrec", [*shlex.split(dry_run)[1:-1], target], {"HF_TOKEN": TOKEN})
    assert (looked.returncode, hub.requests) == (0, []), looked.stderr
    pushed = ask_worker(hub, "digitrec", shlex.split(push)[1:], {"HF_TOKEN": TOKEN})
    assert pushed.returncode == 0, pushed.stderr
    written = {path.relative_to(target).as_posix() for path in Path(target).rglob("*")}
    assert set(hub.repositories["spaces/me/demo"].files) <= written


def test_model_of_a_space_is_pinned_to_its_commit(published, tmp_path):
    commit = published.first_commit
    repository = published.repositories["me/digits"]
    repository.commit(repository.files | {"config.json": b"{}"})
    pushed = push_space(published, "me/demo", "--model", f"me/digits@{commit}")
    assert pushed.returncode == 0, pushed.stderr
    files = published.repositories["spaces/me/demo"].files
    source = json.loads(files["checkpoints/source.json"])
    assert source == {"repository": "me/digits", "commit": commit}
    assert files["checkpoints/model.safetensors"] == repository.commits[0][1]["model.safetensors"]
    assert b"- me/digits\n" in files["README.md"]


def test_space_that_cannot_be_pushed_gives_a_message_and_changes_nothing(hub, tmp_path):
    hub.create("spaces/me/game", {"app.py": b"print()"})
    hub.fail("/commit/", status=500)
    (tmp_path / "full").touch()
    for arguments, token, said in (
        (["me/game"], TOKEN, "holds other content such as app.py"),
        (["demo"], TOKEN, "a repository's name is USER/NAME"),
        (["me/demo"], "hf_wrong", "hf auth login"),
        (["me/other"], TOKEN, "the Hub answered 500. Try again later"),
        (["me/demo", "--model", "me/nothing"], TOKEN, "there is no such repository"),
        (["me/demo", "--dry-run", tmp_path], TOKEN, "is not an empty folder"),
    ):
        result = push_space(hub, *arguments, token=token)
        assert result.returncode == 2, arguments
        last = result.stderr.strip().splitlines()[-1]
        assert last.startswith("digitrec.hub: ") and said in last, last
        assert "Traceback" not in result.stderr
    assert hub.repositories["spaces/me/game"].files == {"app.py": b"print()"}
    assert hub.repositories["spaces/me/other"].files == {}
    hub.faults.clear()
    hub.fail("/api/repos/create", status=402)
    result = push_space(hub, "me/demo")
    assert result.returncode == 2 and "--hardware zero-a10g" in result.stderr
