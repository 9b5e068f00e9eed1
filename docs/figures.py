"""Write the figures in README.md and docs/ from the JSON files that hold them.

python docs/figures.py            # after a JSON file or this program has changed
python docs/figures.py --check    # fail if a page differs

Each function below returns a piece of Markdown. cog (https://cog.readthedocs.io) puts it between
the two comments of a page that name the function.
"""

import json
import sys
from pathlib import Path

from cogapp import Cog

ROOT = Path(__file__).parent.parent


def load(path):
    return json.loads((ROOT / path).read_text())


METRICS = load("checkpoints/metrics.json")
TEST, DRAWN, NUMBERS, PAPER = (METRICS[key] for key in ("test", "drawn_digits", "numbers", "paper"))
SEEDS, KAGGLE = load("docs/seeds.json"), load("docs/kaggle-42k.json")
PICTURES, SURROUNDINGS = load("docs/pictures.json"), load("docs/surroundings.json")

PARAMETERS = METRICS["model"]["parameters"]  # four bytes each
# What the published model says of itself.
PUBLISHED = {"validation": "99.43 %", "precision": "99 %", "size": "8.5 MB", "training": "45"}
TRAINING = (
    (
        "size of the weights",
        f"{4 * PARAMETERS / 1e6:.2f} MB ({PARAMETERS:,} parameters)",
        PUBLISHED["size"],
    ),
    (
        "training",
        f"{METRICS['training']['seconds'] / 60:.0f} minutes on one fast CPU core, 30 to 46 on two "
        "slower ones",
        f"{PUBLISHED['training']} minutes",
    ),
)


def percent(share, digits=2):
    return f"{100 * share:.{digits}f} %"


def bold(share):
    return f"**{percent(share)}**"


def share_of(share, count):
    return f"{bold(share)} of {count:,}"


def lowest(run):
    return f"{percent(run['lowest_precision'])}, {percent(run['lowest_recall'])}"


def table(header, *rows):
    """Lay out rows of cells. Cells that a row lacks at its end are "–"."""
    filled = [[*row, *["–"] * (len(header) - len(row))] for row in rows]
    lines = [header, ["---"] * len(header), *filled]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


# README.md and docs/accuracy.md


def readme_results():
    browser, kaggle = METRICS["browser"]["digits"], KAGGLE["mean"]
    # As many numbers of each length, 1 to 6 digits, have each of six gaps.
    apart = NUMBERS["lines"] * (5 * 4) // (6 * 6)
    return table(
        ("", "digitrec", "published model"),
        ("people's drawings", share_of(DRAWN["mean"], DRAWN["drawings"])),
        ("the same in the browser", share_of(browser["browser"], browser["pictures"])),
        ("numbers of 2-6 digits, gaps of 5 % and more", share_of(NUMBERS["mean"], apart)),
        ("digits on lined or squared paper, scanned", share_of(PAPER["flat"], PAPER["drawings"])),
        ("the same, photographed", share_of(PAPER["photo"], PAPER["drawings"])),
        ("MNIST's test images", share_of(TEST["accuracy"], TEST["count"])),
        (
            "validation as in the published model",
            share_of(kaggle["validation_accuracy"], KAGGLE["validation_images"]),
            PUBLISHED["validation"],
        ),
        *TRAINING,
    )


def readme_seeds():
    mean, deviation = SEEDS["mean"], SEEDS["standard_deviation"]
    drawings, errors = percent(mean["drawings"]), f"{mean['test_errors']:.1f}"
    return (
        f"The shipped network is one of {len(SEEDS['runs'])} runs, chosen by validation. On "
        f"average they read {drawings} of\nthe drawings, and make {errors} errors "
        f"(standard deviation {deviation['test_errors']:.1f}) in the test images."
    )


def results():
    validation, kaggle = METRICS["validation"], KAGGLE["mean"]
    precisions = [row["precision"] for row in TEST["per_class"]]
    calibration = f"{percent(TEST['calibration_error'])}, {percent(DRAWN['ece'])}"
    return table(
        ("", "digitrec", "published model"),
        ("people's drawings", share_of(DRAWN["mean"], DRAWN["drawings"])),
        ("the worst combination of brush, size and colour", percent(DRAWN["worst"])),
        (
            f"MNIST's {TEST['count']:,} test images",
            f"{bold(TEST['accuracy'])} ({TEST['errors']} errors)",
        ),
        (
            "lowest and highest precision of a digit there",
            f"{percent(min(precisions))}, {percent(max(precisions))}",
        ),
        ("validation, official split", share_of(validation["accuracy"], validation["count"])),
        (
            "validation, 42,000 images",
            share_of(kaggle["validation_accuracy"], KAGGLE["validation_images"]),
            PUBLISHED["validation"],
        ),
        (
            "lowest precision of a digit there",
            percent(kaggle["validation_lowest_precision"]),
            PUBLISHED["precision"],
        ),
        ("the images left over", share_of(kaggle["test_accuracy"], KAGGLE["test_images"])),
        ("AUROC, drawn digits against other characters", percent(DRAWN["auroc"])),
        ("calibration error, test images and drawings", calibration),
        *TRAINING,
    )


def seeds():
    def row(name, run, digits=0):
        return (
            name,
            f"{run['validation_errors']:.{digits}f} ({percent(run['validation_accuracy'])})",
            f"{run['choosing_loss']:.4f}",
            f"{run['test_errors']:.{digits}f} ({percent(run['test_accuracy'])})",
            lowest(run),
            *(percent(run[key]) for key in ("drawings", "worst_drawings", "drawings_auroc")),
        )

    return table(
        (
            *("seed", "validation errors", "loss", "test errors", "lowest precision, recall"),
            *("drawings", "the worst", "AUROC"),
        ),
        *(row(run["seed"], run) for run in SEEDS["runs"]),
        row("mean", SEEDS["mean"], 1),
        row("deviation", SEEDS["standard_deviation"], 1),
    )


def three_seeds():
    def row(name, run, digits=0):
        return (
            name,
            f"{run['validation_errors']:.{digits}f} ({percent(run['validation_accuracy'])})",
            percent(run["validation_lowest_precision"]),
            f"{run['test_errors']:.{digits}f} ({percent(run['test_accuracy'])})",
        )

    return table(
        (
            "seed",
            f"validation errors in {KAGGLE['validation_images']:,}",
            "lowest precision of a digit there",
            f"errors in the {KAGGLE['test_images']:,} left over",
        ),
        *(row(run["seed"], run) for run in KAGGLE["runs"]),
        row("mean", KAGGLE["mean"], 1),
        row("standard deviation", KAGGLE["standard_deviation"], 1),
    )


def published_recipe():
    classic = load("docs/classic.json")
    validation, run = classic["validation"], classic["training"]
    ours = KAGGLE["mean"]
    seconds = [run["training_seconds"] for run in KAGGLE["runs"]]
    return table(
        ("", "validation", "the 28,000 left over", "lowest precision", "epochs", "minutes"),
        (
            "`--preset classic`, seed 0",
            percent(validation["accuracy"]),
            percent(classic["test"]["accuracy"]),
            percent(min(digit["precision"] for digit in validation["per_class"])),
            f"{run['epochs']} (the best: {run['best_epoch']})",
            f"{run['seconds'] / 60:.0f}",
        ),
        (
            "`--protocol kaggle-42k`, three seeds",
            percent(ours["validation_accuracy"]),
            percent(ours["test_accuracy"]),
            percent(ours["validation_lowest_precision"]),
            KAGGLE["runs"][0]["epochs"],
            f"{sum(seconds) / len(seconds) / 60:.0f}",
        ),
        (
            "published",
            *(PUBLISHED["validation"], "–", PUBLISHED["precision"], "–", PUBLISHED["training"]),
        ),
    )


# The other pages


def drawings():
    return table(
        ("", "the shipped network"),
        ("drawings read correctly", share_of(DRAWN["mean"], DRAWN["drawings"])),
        ("of the worst of 48 combinations of brush, size and colour", bold(DRAWN["worst"])),
        ("drawings accepted as digits", percent(DRAWN["accepted"])),
        ("characters that are not digits, rejected", percent(DRAWN["rejected"])),
        ("AUROC, drawn digits against these characters", percent(DRAWN["auroc"])),
        ("calibration error", percent(DRAWN["ece"])),
        ("time to make 28×28 pixels of 800×800, median", f"{DRAWN['preprocessing_ms']:.2f} ms"),
    )


def drawings_by_brush():
    sizes = sorted({cell["size"] for cell in DRAWN["cells"]})

    def mean(brush, size):
        key = brush, size
        found = [c["accuracy"] for c in DRAWN["cells"] if (c["brush"], c["size"]) == key]
        return percent(sum(found) / len(found))

    return table(
        ("brush", *(f"size {percent(size, 0)}" for size in sizes)),
        *(
            (percent(brush, 0), *(mean(brush, size) for size in sizes))
            for brush in sorted({cell["brush"] for cell in DRAWN["cells"]})
        ),
    )


def papers():
    kinds = {
        "flat": "lined or squared paper, scanned",
        "photo": "lined or squared paper, photographed",
        "cropped_lined": "the same, cropped at 8 pixels from the digit",
        "whole": "plain paper, photographed",
        "cropped": "the same, cropped at 8 pixels from the digit",
    }
    return table(
        (f"{PAPER['drawings']} digits by writers 25-30 on", "read correctly"),
        *((words, bold(PAPER[kind])) for kind, words in kinds.items()),
    )


def pictures():
    rows = []
    for kind, part in PICTURES["by_kind"].items():
        simple = "–" if part["simple"] is None else percent(part["simple"], 1)
        shares = percent(part["right"], 1), percent(part["wrong"], 1), simple
        rows.append((kind, part["count"], *shares))
    return table(("kind", "pictures", "right", "wrong", "a simple program"), *rows)


def surroundings():
    kinds = [
        (kind, percent(part["right"], 1), percent(part["wrong"], 1))
        for kind, part in SURROUNDINGS["kinds"].items()
    ]
    return table(("around a digit", "right", "wrong"), *kinds)


def blank_scenes():
    return table(
        ("blank scene", "taken for a digit"),
        *((kind, percent(share, 1)) for kind, share in SURROUNDINGS["blank_by_kind"].items()),
        ("**all**", bold(SURROUNDINGS["blank_accepted"])),
    )


def numbers():
    single = f"{bold(NUMBERS['single'])} (`predict`: {percent(NUMBERS['single_by_predict'])})"
    return table(
        (f"{NUMBERS['lines']:,} numbers by writers 25-30", "the shipped network"),
        ("2-6 digits, gaps of 5 % and more, read correctly", bold(NUMBERS["mean"])),
        ("2-6 digits, smaller gaps, read correctly", bold(NUMBERS["touching"])),
        ("one digit, read correctly", single),
        ("2-6 digits, gaps of 5 % and more, accepted as a number", percent(NUMBERS["accepted"])),
        ("1,000 numbers of MNIST's test images, read correctly", percent(NUMBERS["mnist"])),
        ("one row, taken for several", percent(NUMBERS["divided"])),
        ("two rows of one writer, found as two", percent(NUMBERS["two_rows"])),
        ("three rows, found as three", percent(NUMBERS["three_rows"])),
        ("calibration error, all lengths and gaps", percent(NUMBERS["calibration_error"])),
        (
            "time for four digits on 800×800 pixels, one core, median",
            f"{NUMBERS['milliseconds']:.0f} ms",
        ),
    )


def browser():
    sets = [METRICS["browser"][key] for key in ("digits", "numbers")]
    names = {
        "same": "the same text, abstention and closest reading",
        "same_images": "digits with the same 28×28 pixels, within 1 grey level on average and 8 at "
        "most",
        "same_probabilities": "probabilities within 0.01",
        "python": "read correctly by Python",
        "browser": "read correctly by the browser",
    }
    return table(
        ("", "drawings of digits", "numbers"),
        ("pictures", *(f"{figures['pictures']:,}" for figures in sets)),
        *((words, *(percent(figures[key]) for figures in sets)) for key, words in names.items()),
    )


# docs/notebook/


def recipes():
    return table(
        ("recipe", "epochs", "errors in 30,390", "loss", "drawings", "parameters"),
        *(
            (
                *(f"`{name}`", row["epochs"], f"{row['errors']:.1f}", f"{row['loss']:.4f}"),
                *(percent(row["drawings"]), f"{row['parameters']:,}"),
            )
            for name, row in load("docs/recipes.json").items()
        ),
    )


# docs/json.md


def fields(kind):
    """List the fields of one kind of answer, as its schema describes them."""
    kinds = load("digitrec/answer.schema.json")["$defs"]

    def row(name, field):
        types = field["type"] if isinstance(field["type"], list) else [field["type"]]
        shared = kinds.get(field.get("$ref", "").split("/")[-1], {})
        return f"`{name}`", " or ".join(types), {**shared, **field}["description"]

    shown = kinds[kind]["properties"].items()
    rows = [row(name, field) for name, field in shown if field["type"] != "null"]
    return table(("field", "type", "meaning"), *rows)


if __name__ == "__main__":
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    options = ["-P", "--verbosity=1", "--check-fail-msg=run python docs/figures.py"]
    options += ["-I", str(ROOT / "docs"), *(sys.argv[1:] or ["-r"])]
    sys.exit(Cog().main(["cog", *options, *map(str, sorted(pages))]))
