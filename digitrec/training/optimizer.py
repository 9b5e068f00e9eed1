"""The optimiser, its learning rate, and a recipe's other settings of the training itself."""

from dataclasses import dataclass
from functools import cache

import jax
import optax

from digitrec.network.settings import (
    COUNT,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    SEED,
    SHARE,
    WHOLE,
    one_of,
    setting,
)


def sgd(
    learning_rate: optax.ScalarOrSchedule, weight_decay: float
) -> optax.GradientTransformationExtraArgs:
    """Build stochastic gradient descent with Nesterov's momentum."""
    return optax.chain(
        optax.add_decayed_weights(weight_decay),
        optax.sgd(learning_rate, momentum=0.9, nesterov=True),
    )


def muon(
    learning_rate: optax.ScalarOrSchedule, weight_decay: float
) -> optax.GradientTransformationExtraArgs:
    """Build Muon for the kernels, as matrices with a column per output, and AdamW for the rest.

    Its steps are scaled to the length of AdamW's, so that both take one learning rate: Liu et al.,
    Muon is Scalable for LLM Training (arXiv:2502.16982), section 2.2.
    """

    def outputs_last(params):
        def dimensions(leaf):
            *inputs, outputs = range(leaf.ndim)
            return optax.contrib.MuonDimensionNumbers(tuple(inputs), outputs) if inputs else None

        return jax.tree.map(dimensions, params)

    return optax.contrib.muon(
        learning_rate,
        weight_decay=weight_decay,
        consistent_rms=0.2,
        muon_weight_dimension_numbers=outputs_last,
    )


OPTIMIZERS = {"adamw": optax.adamw, "muon": muon, "sgd": sgd}


@dataclass(frozen=True)
class TrainingConfig:
    epochs: int = setting(40, "largest number of passes over the training images", COUNT)
    batch_size: int = setting(128, "images per step", COUNT)
    optimizer: str = setting(
        "muon", "Optax optimiser; adamw without weight decay is Adam", one_of(*OPTIMIZERS)
    )
    learning_rate: float = setting(0.002, "peak learning rate", POSITIVE, "per step")
    weight_decay: float = setting(0.0, "weight decay, as Optax defines it", SHARE)
    schedule: str = setting(
        "cosine",
        "learning rate: cosine follows a cosine after a warm-up; plateau is reduced when the "
        "validation loss stops falling",
        one_of("cosine", "plateau"),
    )
    warmup_epochs: float = setting(2.0, "length of the warm-up of cosine", NOT_NEGATIVE, "epochs")
    plateau_factor: float = setting(0.3, "what plateau multiplies the rate by", FRACTION)
    plateau_patience: int = setting(
        3, "epochs without a lower validation loss before plateau reduces the rate", COUNT, "epochs"
    )
    label_smoothing: float = setting(
        0.0, "label smoothing: share of each target spread over all classes", SHARE
    )
    calm_epochs: int = setting(
        8,
        "final epochs over which augmentation falls to 0; the best epoch is one of these",
        WHOLE,
        "epochs",
    )
    patience: int = setting(
        30, "epochs without a better validation accuracy before training stops", COUNT, "epochs"
    )
    seed: int = setting(0, "seed of the weights and of all randomness in training", SEED)


@cache  # so that trainings that follow one another share what is compiled
def make_optimizer(
    config: TrainingConfig, steps_per_epoch: int
) -> tuple[optax.GradientTransformationExtraArgs, optax.Schedule]:
    """Build the optimiser, and its schedule separately for reporting.

    `plateau` multiplies its learning rate by `plateau_factor` when the `value` given to `update`,
    the validation loss of the previous epoch, has not fallen for `plateau_patience` epochs.
    """
    if config.schedule == "plateau":
        schedule = optax.constant_schedule(config.learning_rate)
    else:
        steps = config.epochs * steps_per_epoch
        schedule = optax.warmup_cosine_decay_schedule(
            init_value=0.0,
            peak_value=config.learning_rate,
            warmup_steps=min(round(config.warmup_epochs * steps_per_epoch), steps - 1),
            decay_steps=steps,
        )
    optimizer = OPTIMIZERS[config.optimizer](schedule, weight_decay=config.weight_decay)
    if config.schedule == "plateau":
        optimizer = optax.chain(
            optimizer,
            optax.contrib.reduce_on_plateau(
                factor=config.plateau_factor,
                patience=config.plateau_patience,
                accumulation_size=steps_per_epoch,
            ),
        )
    return optax.with_extra_args_support(optimizer), schedule


def augmentation_strength(config: TrainingConfig, epoch: int) -> float:
    """Give 1 until the last `calm_epochs`, over which the strength falls linearly to 0.

    The last epochs let the network settle on unaugmented images, as in He et al., Data Augmentation
    Revisited (arXiv:1909.09148).
    """
    calm = max(0, epoch - (config.epochs - config.calm_epochs))
    return 1.0 - calm / max(1, config.calm_epochs)
