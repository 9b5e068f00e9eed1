import json
import re

import pytest
import yaml
from conftest import ROOT

import digitrec

README = (ROOT / "README.md").read_text()
FRONT_MATTER = yaml.safe_load(README.split("---\n")[1])
METRICS = json.loads((ROOT / "checkpoints" / "metrics.json").read_text())
SEEDS = json.loads((ROOT / "docs" / "seeds.json").read_text())
KAGGLE = json.loads((ROOT / "docs" / "kaggle-42k.json").read_text())


def requirements(name):
    lines = (ROOT / name).read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def test_front_matter_has_all_that_a_space_shows():
    assert set(FRONT_MATTER) >= {
        *["title", "emoji", "sdk", "sdk_version", "python_version", "app_file", "models"],
        *["datasets", "tags", "license", "short_description"],
    }
    assert FRONT_MATTER["sdk"] == "gradio"
    assert len(FRONT_MATTER["short_description"]) <= 60  # longer ones are refused at the push
    assert (ROOT / FRONT_MATTER["app_file"]).exists()
    # Unquoted, YAML would read 3.10 as 3.1.
    assert isinstance(FRONT_MATTER["python_version"], str)


def test_gradio_pin_equals_the_sdk_version():
    assert f"gradio=={FRONT_MATTER['sdk_version']}" in requirements("requirements.txt")


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-train.txt", "requirements-dev.txt"]
)
def test_each_requirement_is_pinned(name):
    for line in requirements(name):
        assert re.fullmatch(r"-r requirements[a-z-]*\.txt|[A-Za-z_-]+==[\d.]+", line), line


def test_serving_needs_no_training_tools():
    text = " ".join(requirements("requirements.txt")).lower()
    assert not re.search(r"tensorflow|scikit|orbax|matplotlib|optax|pytest", text)


def test_readme_quotes_the_measured_figures():
    def percent(share):
        return f"{100 * share:.2f} %"

    test, validation = METRICS["test"], METRICS["validation"]
    precisions = [row["precision"] for row in test["per_class"]]
    kaggle = KAGGLE["mean"]
    parameters, drawn = METRICS["model"]["parameters"], METRICS["drawn_digits"]
    for quoted in (
        f"**{percent(test['accuracy'])}** ({test['errors']} errors in {test['count']:,})",
        f"{percent(validation['accuracy'])} of {validation['count']:,}",
        f"{percent(kaggle['validation_accuracy'])} of {KAGGLE['validation_images']:,}",
        f"{percent(kaggle['test_accuracy'])} of {KAGGLE['test_images']:,}",
        "lowest precision of a class, validation of the 42,000 | "
        f"{percent(kaggle['validation_lowest_precision'])} |",
        f"{percent(min(precisions))} to {percent(max(precisions))}",
        f"{parameters * 4 / 1e6:.2f} MB ({parameters:,} parameters)",
        f"{METRICS['training']['seconds'] / 60:.0f} minutes",
        f"**{percent(drawn['mean'])}** of {drawn['drawings']:,}",
        f"| {percent(drawn['worst'])} |",
        f"| {percent(drawn['auroc'])} |",
        f"{percent(test['calibration_error'])}, {percent(drawn['ece'])}",
        f"{METRICS['training']['epochs']} epochs",
        f"number {METRICS['training']['best_epoch']}",
    ):
        assert quoted in README, quoted


def test_five_seeds_are_quoted_as_measured():
    page = (ROOT / "docs" / "accuracy.md").read_text()
    assert len(SEEDS["runs"]) >= 5
    for run in SEEDS["runs"]:
        errors, accuracy = run["test_errors"], run["test_accuracy"]
        assert f"| {run['seed']} | {run['validation_errors']} (" in page
        assert f"| {errors} ({100 * accuracy:.2f} %) |" in page
    mean, deviation = SEEDS["mean"], SEEDS["standard_deviation"]
    assert f"| mean | {mean['validation_errors']:.1f} (" in page
    assert f"vote misreads {SEEDS['vote_errors']} images" in page
    for quoted in (
        f"{mean['test_errors']:.1f} test errors on average",
        f"(standard deviation {deviation['test_errors']:.1f})",
        f"read {100 * mean['drawings']:.2f} % of the drawings",
    ):
        assert quoted in README, quoted
    shipped = METRICS["test"]["errors"], METRICS["drawn_digits"]["mean"]
    assert shipped in [(run["test_errors"], run["drawings"]) for run in SEEDS["runs"]]


def test_shipped_accuracy_is_what_was_promised():
    assert METRICS["test"]["count"] == 10_000 and METRICS["test"]["accuracy"] >= 0.9955
    # The first checkpoint, trained on MNIST alone, had 26; their standard error is 5.
    assert METRICS["validation"]["errors"] <= 30
    assert METRICS["test"]["calibration_error"] <= 0.005
    drawn = METRICS["drawn_digits"]
    assert (
        drawn["mean"] >= 0.985
        and drawn["worst"] >= 0.975
        and drawn["auroc"] >= 0.95
        and drawn["accepted"] >= 0.98
    )
    assert drawn["ece"] <= 0.03


def test_page_on_drawn_digits_quotes_the_measured_figures():
    page = (ROOT / "docs" / "drawn-digits.md").read_text()
    drawn = METRICS["drawn_digits"]
    for name in ("mean", "worst", "accepted", "auroc", "ece"):
        assert f"{100 * drawn[name]:.2f} %" in page, name
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page):
        assert (ROOT / "docs" / target).exists(), target


def test_every_link_to_a_file_leads_somewhere():
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert "docs/images/desktop-light.png" in targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_public_names_are_exported():
    for name in (
        "DigitRecognizer",
        "Prediction",
        "DigitrecError",
        "BadImageError",
        "BadCheckpointError",
        "DatasetUnavailableError",
        "HubError",
    ):
        assert name in digitrec.__all__ and hasattr(digitrec, name)
    for error, builtin in (
        (digitrec.BadImageError, ValueError),
        (digitrec.BadCheckpointError, ValueError),
        (digitrec.DatasetUnavailableError, OSError),
        (digitrec.HubError, OSError),
    ):
        assert issubclass(error, digitrec.DigitrecError) and issubclass(error, builtin)
