"""How fast a training step is, beside PyTorch's of the same network on the same CPU.

python benchmarks/training.py [--rounds N] [--quick]     # PyTorch: pip install torch==2.13.0

Each side has a process of its own and they take turns; a turn begins with a pause, since PyTorch's
threads go on spinning for a while, and with steps that are not timed. A step is forward, backward
and update on a batch of 128, without augmentation; PyTorch runs as it comes ("eager", channels
last) and through torch.compile. The last line is one JSON object.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from rich.console import Console
from rich.table import Table

from digitrec.network.compilation import jit
from digitrec.network.model import NetworkConfig
from digitrec.training.augment import AugmentConfig, augment

NETWORKS = {
    "default": NetworkConfig(),
    "seed_network": NetworkConfig(kernel_sizes=((3, 3), (3, 3), (3, 3))),
}
BATCH = 128
LEARNING_RATE, WEIGHT_DECAY = 0.05, 5e-4  # of SGD, on both sides: Muon's own work is no network's
STEPS = 10  # in a run; a turn is one run to warm up and two that are timed
PAUSE = 0.5  # seconds
SIDES = ("digitrec", "eager", "compiled")


def make_batches() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (STEPS * BATCH, 28, 28, 1), np.uint8)
    return images, random.integers(0, 10, STEPS * BATCH).astype(np.int32)


def make_digitrec(config: NetworkConfig) -> Callable[[], None]:
    import jax

    from digitrec.network.model import make_graphdef
    from digitrec.training.gradients import OPERATIONS
    from digitrec.training.loop import initial_progress, train_epoch
    from digitrec.training.optimizer import TrainingConfig, make_optimizer
    from digitrec.training.recipe import Recipe

    images, labels = map(jax.numpy.asarray, make_batches())
    settings = TrainingConfig(
        batch_size=BATCH, optimizer="sgd", learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    optimizer, _ = make_optimizer(settings, STEPS)
    run = partial(
        train_epoch,
        initial_progress(Recipe(network=config, training=settings), len(labels)).state,
        images,
        labels,
        jax.numpy.arange(len(labels)).reshape(STEPS, BATCH),
        np.inf,
        0.0,
        graphdef=make_graphdef(config, OPERATIONS, training=True),
        optimizer=optimizer,
        augment_config=None,
        label_smoothing=0.0,
    )
    return lambda: jax.block_until_ready(run())


def make_pytorch(config: NetworkConfig, compiled: bool) -> Callable[[], None]:
    import torch
    from torch import nn

    images, labels = map(torch.from_numpy, make_batches())
    images = images.permute(0, 3, 1, 2)
    layers, inputs = [], 1
    for filters, sizes in zip(config.filters, config.kernel_sizes, strict=True):
        for size in sizes:
            layers += [
                nn.Conv2d(inputs, filters, size, padding=size // 2 * (size % 2), bias=False),
                nn.BatchNorm2d(filters),
                nn.ReLU(inplace=True),
            ]
            inputs = filters
        pool = nn.AvgPool2d if config.pooling == "average" else nn.MaxPool2d
        layers += [pool(2), nn.Dropout2d(config.block_dropout)]
    network = nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(config.pooled_side**2 * inputs, config.head_features),
        nn.ReLU(inplace=True),
        nn.Dropout(config.head_dropout),
        nn.Linear(config.head_features, 10),
    ).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(),
        LEARNING_RATE,
        momentum=0.9,
        nesterov=True,
        weight_decay=WEIGHT_DECAY,
    )

    def loss_of(pixels, truths):
        pixels = pixels.to(torch.float32, memory_format=torch.channels_last) / 255
        return nn.functional.cross_entropy(network(pixels), truths.long())

    if compiled:
        loss_of = torch.compile(loss_of)

    def run():
        for start in range(0, len(labels), BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss_of(images[start : start + BATCH], labels[start : start + BATCH]).backward()
            optimizer.step()

    return run


def serve(connection, side: str, network: str) -> None:
    """Take a turn for each message that comes, and answer with images per second."""
    config = NETWORKS[network]
    try:
        run = make_digitrec(config) if side == "digitrec" else make_pytorch(config, side != "eager")
        for _ in range(2):  # compiles, and warms up
            run()
        connection.send(None)
    except Exception as error:  # torch is optional; torch.compile needs a C++ compiler
        connection.send(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
        return
    while connection.recv():
        time.sleep(PAUSE)
        run()
        started = time.perf_counter()
        run()
        run()
        connection.send(2 * STEPS * BATCH / (time.perf_counter() - started))
    connection.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def compare(network: str, rounds: int, console: Console) -> tuple[dict, dict]:
    """Measure all sides of a network in turns.

    Returns: images per second, a list for each side; and each side's peak memory in MiB.
    """
    context = multiprocessing.get_context("spawn")
    connections, processes = {}, []
    for side in SIDES:
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, side, network))
        process.start()
        theirs.close()
        if failure := ours.recv():  # one at a time: compiling disturbs nobody
            console.print(f"{network}, {side}: not measured ({failure})")
            continue
        connections[side] = ours
        processes.append(process)
    speeds = {side: [] for side in connections}
    for _ in range(rounds):
        for side, connection in connections.items():
            connection.send(True)
            speeds[side].append(connection.recv())
    memory = {}
    for side, connection in connections.items():
        connection.send(False)
        memory[side] = connection.recv()
    for process in processes:
        process.join()
    return speeds, memory


def measure_parts(rounds: int) -> dict[str, float]:
    """Time what a step of the default network consists of, in ms a batch."""
    import jax
    from flax import nnx

    from digitrec.network.model import Network

    images, labels = (jax.numpy.asarray(array[:BATCH]) for array in make_batches())
    network = Network(NETWORKS["default"], rngs=nnx.Rngs(0))
    network.train()
    graphdef, params, batch_stats = nnx.split(network, nnx.Param, nnx.BatchStat)
    key = jax.random.key(0)

    def loss(params):
        logits = nnx.merge(graphdef, params, batch_stats, copy=True)(images, key)
        return -jax.nn.log_softmax(logits)[jax.numpy.arange(BATCH), labels].mean()

    parts = {
        "augmentation": (jit(lambda key: augment(images, labels, key, AugmentConfig())), key),
        "forward": (jit(loss), params),
        "forward and backward": (jit(jax.value_and_grad(loss)), params),
    }
    milliseconds = {}
    for name, (function, argument) in parts.items():
        jax.block_until_ready(function(argument))
        times = []
        for _ in range(5 * rounds):
            started = time.perf_counter()
            jax.block_until_ready(function(argument))
            times.append(1e3 * (time.perf_counter() - started))
        milliseconds[name] = statistics.median(times)
    return milliseconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="turns of each side (default: 9)")
    parser.add_argument("--quick", action="store_true", help="two turns of each side")
    arguments = parser.parse_args()
    rounds = 2 if arguments.quick else arguments.rounds
    console = Console(soft_wrap=True)
    figures = {}
    for network in NETWORKS:
        speeds, memory = compare(network, rounds, console)
        table = Table(title=f"{network}: images per second in {rounds} rounds")
        for column in ("side", "median", "lowest", "highest", "peak memory"):
            table.add_column(column, justify="right")
        for side, values in speeds.items():
            numbers = (statistics.median(values), min(values), max(values))
            table.add_row(
                side, *[f"{number:,.0f}" for number in numbers], f"{memory[side]:.0f} MiB"
            )
        console.print(table)
        theirs = [speeds[side] for side in SIDES[1:] if side in speeds]
        if theirs:
            best = max(theirs, key=statistics.median)
            ratios = [ours / other for ours, other in zip(speeds["digitrec"], best, strict=True)]
            figures[f"{network}_vs_pytorch"] = statistics.median(ratios)
            console.print(
                f"ratio to the faster PyTorch: {statistics.median(ratios):.2f} "
                f"({min(ratios):.2f} to {max(ratios):.2f})"
            )
        if network == "default":
            figures["images_per_second"] = statistics.median(speeds["digitrec"])
    for name, milliseconds in measure_parts(rounds).items():
        console.print(f"{name:<22}{milliseconds:7.1f} ms a batch of {BATCH}")
    keys = ("default_vs_pytorch", "seed_network_vs_pytorch", "images_per_second")
    print(json.dumps({key: figures.get(key) for key in keys}))


if __name__ == "__main__":
    main()
