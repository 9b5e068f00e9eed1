"""What a step costs to compute and to communicate, and its time on virtual devices.

python benchmarks/scaling.py [--quick]

Virtual devices share the processors of this machine: their times show what sharing a batch costs,
not what it gains. The last line is one JSON object.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time

COUNTS = (1, 2, 4, 8)
BATCH = 128


def measure(devices: int, rounds: int) -> dict:
    """Compile and time a step of the default network; in a process with so many devices."""
    import jax
    import numpy as np

    from digitrec.network.compilation import compiler_options
    from digitrec.network.model import make_graphdef
    from digitrec.training.devices import make_mesh, replicate, share_out
    from digitrec.training.gradients import OPERATIONS
    from digitrec.training.loop import initial_progress, train_epoch
    from digitrec.training.optimizer import make_optimizer
    from digitrec.training.recipe import Recipe

    recipe, mesh = Recipe(), make_mesh(devices)
    steps = 4
    images = np.zeros((BATCH * steps, 28, 28, 1), np.uint8)
    labels = np.zeros(len(images), np.int32)
    batches = np.arange(len(images)).reshape(steps, BATCH)
    optimizer, _ = make_optimizer(recipe.training, steps)
    state = initial_progress(recipe, len(images)).state
    arrays = replicate((state, images, labels), mesh)
    options = {
        "graphdef": make_graphdef(recipe.network, OPERATIONS, training=True),
        "optimizer": optimizer,
        "augment_config": recipe.augmentation,
        "label_smoothing": recipe.training.label_smoothing,
    }
    compiled = (
        jax.jit(train_epoch.__wrapped__, static_argnames=tuple(options))
        .lower(*arrays, share_out(batches, mesh), np.inf, 1.0, **options)
        .compile(compiler_options=compiler_options())
    )
    program = compiled.as_text()
    assert program is not None, "XLA shows its programs"
    sizes = []
    for shapes in re.findall(r"(?m)= (.*) all-reduce(?:-start)?\(", program):
        for shape in re.findall(r"f32\[([\d,]*)\]", shapes):
            sizes.append(4 * int(np.prod([int(side) for side in shape.split(",") if side])))
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        jax.block_until_ready(compiled(*arrays, share_out(batches, mesh), np.inf, 1.0))
        times.append(1e3 * (time.perf_counter() - started) / steps)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    return {
        "milliseconds": statistics.median(times[1:]),
        "bytes_all_reduced": sum(sizes),
        "all_reductions": len(sizes),
        "parameters": parameters,
        "flops_of_a_device": (compiled.cost_analysis() or {}).get("flops"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1 and 8 devices, two rounds")
    parser.add_argument("--devices", type=int, help=argparse.SUPPRESS)  # in a process of its own
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 15
    if arguments.devices:
        print(json.dumps(measure(arguments.devices, rounds)))
        return
    figures = {}
    for count in (1, 8) if arguments.quick else COUNTS:
        flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={count}"}
        command = [sys.executable, __file__, "--devices", str(count)]
        result = subprocess.run(
            command + ["--quick"] * arguments.quick,
            env=os.environ | flags,
            capture_output=True,
            text=True,
            check=True,
        )
        figures[count] = json.loads(result.stdout.splitlines()[-1])
        print(f"{count} devices: {figures[count]}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
