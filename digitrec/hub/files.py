"""Names of the files that models, datasets and Spaces of digitrec consist of."""

from digitrec.network.pretrained import CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE

MODEL_FILES = (WEIGHTS_FILE, CONFIG_FILE, METRICS_FILE, "*.png")
DATASET_FILES = ("*.jsonl", "*.png")
METADATA_FILE = "metadata.jsonl"  # of a dataset: the Hub shows its lines beside the images
SOURCE_FILE = "source.json"  # of a Space's model: the repository and commit it was copied from
OTHER_FILES = ("README.md", ".gitattributes", "LICENSE")  # what any repository may hold
