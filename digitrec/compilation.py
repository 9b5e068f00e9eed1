"""`jax.jit` with the compiler settings that are fastest on the machine's own backend."""

from collections.abc import Callable, Sequence
from functools import cache, wraps

import jax

# XLA hands convolutions, matrix products and reductions over to a library, YNNPACK, as it comes.
# Left to XLA's older code (Eigen), a convolution of 14x14 pixels takes half the time; reductions
# are faster as they come.
CPU_OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE"
}


def compiler_options() -> dict[str, str] | None:
    """Give what `jax.jit` and `.compile` take as `compiler_options`."""
    return CPU_OPTIONS if jax.default_backend() == "cpu" else None


def jit(function: Callable, *, static_argnames: str | Sequence[str] = ()) -> Callable:
    """Compile as `jax.jit` does; the backend is asked for at the first call, not at the import."""

    @cache
    def compiled():
        return jax.jit(
            function, static_argnames=static_argnames, compiler_options=compiler_options()
        )

    @wraps(function)
    def call(*arguments, **options):
        return compiled()(*arguments, **options)

    return call
