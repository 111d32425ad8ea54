"""What the commands on .npy files take, and the words of their `--help`.

As in `kcfg.cli.app`, which registers them: each returns the command with its arguments.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from kcfg.cli.options import Command, File, ForceOut, Json, Keras, Out, Threads, cluster_option


def prod(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .npy file; - is stdin.")],
    axis: Annotated[
        str | None,
        typer.Option("--axis", metavar="N[,N...]", help="Axes to multiply along. Default: all."),
    ] = None,
    keepdims: Annotated[
        bool, typer.Option("--keepdims", help="Keep the multiplied axes, with length 1.")
    ] = False,
    dtype: Annotated[
        str | None, typer.Option("--dtype", metavar="T", help="Multiply in this dtype.")
    ] = None,
    out: Out = None,
    force: ForceOut = False,
    threads: Threads = None,
    cluster: Annotated[
        str | None,
        cluster_option(
            "Split between workers: results, and products of integers along the axes, too, as any "
            "order gives their bits. Not split: one result of floating-point numbers, whose bits "
            "depend on the order, so that a single one is a single worker's."
        ),
    ] = None,
    json: Json = False,
) -> Command:
    """Multiply a .npy file's elements, with the bits of numpy.prod.

    \b
    kcfg prod data.npy --axis 1
    kcfg prod big.npy --axis 0,2 -o product.npy
    """
    from kcfg.cli import arrays

    return partial(
        arrays.prod,
        file,
        axis=axis,
        keepdims=keepdims,
        dtype=dtype,
        out=out,
        force=force,
        threads=threads,
        json=json,
        cluster=cluster,
    )


def cast(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A .npy file; - is stdin.")],
    dtype: Annotated[
        str | None, typer.Argument(metavar="DTYPE", help="Of numpy. Default: Keras's floatx.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Refuse any change of value, exit status 1.")
    ] = False,
    out: Out = None,
    force: ForceOut = False,
    threads: Threads = None,
    cluster: Annotated[
        str | None,
        cluster_option("Split between workers: everything, as no element needs another."),
    ] = None,
    json: Json = False,
    config_file: File = None,
    keras: Keras = None,
) -> Command:
    """Cast a .npy file, with the bits of numpy.ndarray.astype.

    \b
    kcfg cast data.npy float16 -o half.npy
    kcfg cast data.npy
    """
    from kcfg.cli import arrays, config

    return partial(
        arrays.cast,
        file,
        dtype,
        floatx=lambda: config.floatx(file=config_file, keras=keras),
        exact=exact,
        out=out,
        force=force,
        threads=threads,
        json=json,
        cluster=cluster,
    )


def info(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help=".npy files; - is stdin.")],
    stats: Annotated[
        bool, typer.Option("--stats", help="Read the data, too: range, mean, what float16 loses.")
    ] = False,
    json: Json = False,
    threads: Threads = None,
    cluster: Annotated[
        str | None, cluster_option("Split between workers: the data that --stats reads.")
    ] = None,
) -> Command:
    """Print header facts of .npy files: dtype, shape, order, bytes.

    \b
    kcfg info data.npy
    kcfg info --stats --json *.npy
    """
    from kcfg.cli import arrays

    return partial(arrays.info, files, stats=stats, json=json, threads=threads, cluster=cluster)
