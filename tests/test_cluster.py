"""Reading on a cluster of Ray: two nodes on this machine, one of which is lost."""

import io
import os
import threading
import time

import pyarrow.parquet
import pytest
from PIL import Image

pytest.importorskip("ray", reason='needs Ray: pip install -e ".[ray]"')

import ray
from ray.cluster_utils import Cluster

from digitrec.__main__ import main

PICTURES = 3000


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_every_picture_is_read_once_though_a_node_is_lost(cluster, small_digits, tmp_path):
    pictures, table = tmp_path / "pictures", tmp_path / "table.parquet"
    pictures.mkdir()
    for number in range(PICTURES):
        content = io.BytesIO()
        Image.fromarray(small_digits.images[number % 1000, ..., 0]).save(content, "PNG")
        (pictures / f"{number:04}.png").write_bytes(content.getvalue())
    (pictures / "bad.png").write_bytes(b"this is no image")
    node = cluster.add_node(num_cpus=2)
    ray.init(cluster.address, log_to_driver=False)
    lost = []

    def lose_node_in_the_middle():
        while not list(table.glob("*.parquet")):
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)
        lost.append(len(list(table.glob("*.parquet"))))

    killer = threading.Thread(target=lose_node_in_the_middle, daemon=True)
    killer.start()
    arguments = [str(pictures), "--ray", cluster.address, "--output", str(table)]
    assert main(["read", *arguments]) == 0
    killer.join()
    rows = pyarrow.parquet.read_table(table).to_pylist()
    assert sorted(os.path.basename(row["path"]) for row in rows) == sorted(os.listdir(pictures))
    assert lost and lost[0] < len(list(table.glob("*.parquet")))  # it was in the middle
    texts = {os.path.basename(row["path"]): row["text"] for row in rows}
    labels = small_digits.labels
    right = sum(texts[f"{n:04}.png"] == str(labels[n % 1000]) for n in range(PICTURES))
    assert right > 0.9 * PICTURES
    (bad,) = (row for row in rows if row["error"])
    assert main(["read", *arguments]) == 2  # Ray would add the same rows once more
    assert bad["error"].startswith("bad.png is not a picture")
