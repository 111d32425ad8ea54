"""The doors of `prod`, `cast` and `info`: options in, an exit status out.

Called by the Typer application and by the quick front door; imports nothing of either.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from kcfg.arrays import files
from kcfg.arrays.arguments import check_threads, numeric_dtype
from kcfg.cli.boundary import say
from kcfg.cli.render import arrays as render
from kcfg.cli.render import progress
from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from kcfg.arrays.cluster import Cluster


def prod(
    file: str,
    *,
    axis: str | None = None,
    keepdims: bool = False,
    dtype: str | None = None,
    out: str | None = None,
    force: bool = False,
    threads: int | None = None,
    json: bool = False,
    cluster: str | None = None,
) -> int:
    """`kcfg prod`: the product, printed or written to `out`."""
    from kcfg.arrays import prod as multiplying

    asked = None if dtype is None else numeric_dtype(dtype)
    axes = parse_axis(axis)
    check_threads(threads)
    with (
        engine(cluster, threads, file, out) as workers,
        files.open_input(file) as source,
        progress.bar("prod") as bar,
    ):
        outcome = multiplying.run(
            source,
            multiplying.normalize_axes(axes, source.header, source.where),
            dtype=asked,
            keepdims=keepdims,
            out=out,
            overwrite=force,
            threads=threads,
            progress=bar,
            spill=workers is None,
            **on(workers),
        )
    render.result(outcome.array, json=json, more=counted(workers))
    render.surplus(source.where, outcome.surplus)
    render.prod_losses(source.where, outcome.losses)
    return 0


def cast(
    file: str,
    dtype: str | None,
    *,
    floatx: Callable[[], str],
    exact: bool = False,
    out: str | None = None,
    force: bool = False,
    threads: int | None = None,
    json: bool = False,
    cluster: str | None = None,
) -> int:
    """`kcfg cast`: the array in another dtype, printed or written to `out`."""
    from kcfg.arrays import cast as casting

    target = numeric_dtype(floatx() if dtype is None else dtype)
    check_threads(threads)
    with (
        engine(cluster, threads, file, out) as workers,
        files.open_input(file) as source,
        progress.bar("cast") as bar,
    ):
        outcome = casting.run(
            source,
            target,
            exact=exact,
            out=out,
            overwrite=force,
            threads=threads,
            progress=bar,
            spill=workers is None,
            **on(workers),
        )
    render.result(outcome.array, json=json, more=counted(workers))
    render.surplus(source.where, outcome.surplus)
    render.cast_losses(source.where, outcome.losses, target)
    return 0


def info(
    paths: list[str],
    *,
    stats: bool = False,
    json: bool = False,
    threads: int | None = None,
    cluster: str | None = None,
) -> int:
    """`kcfg info`: the facts in each file's header; with `stats` also what the data says.

    A file that can't be understood is told on stderr, and the others are still shown: status 2.
    """
    from kcfg.arrays import info as informing

    check_threads(threads)
    found = []
    status = 0
    with engine(cluster if stats else None, threads, *paths) as workers:
        for path in paths:
            try:
                with files.open_input(path) as source, progress.bar("info") as bar:
                    facts = informing.of(source, source.where)
                    data = None
                    if stats:
                        data = informing.stats(source, threads=threads, progress=bar, **on(workers))
            except KcfgError as error:
                if len(paths) == 1:
                    raise
                say(f"kcfg: {error}")
                status = error.status
                continue
            found.append((facts, data))
            if not json:
                render.facts(facts, data)
    if json:
        render.facts_json(found, more=counted(workers))
    return status


@contextlib.contextmanager
def engine(
    address: str | None, threads: int | None, *paths: str | None
) -> Iterator[Cluster | None]:
    """The cluster at `address`; None where there is none and this machine's threads do the work.

    paths: inputs and outputs, which the workers of a cluster must be able to open.
    """
    if not address:
        yield None
        return
    from kcfg.arrays import cluster

    if threads is not None:
        raise KcfgError(
            f"--threads {threads} is for this machine; the workers of {address} have their own",
            where=None,
            keras=None,
            mend="leave it out, or work here: --cluster ''",
        )
    for path in paths:
        cluster.refuse_stream(path, address)
    with cluster.Cluster(address) as found:
        yield found


def on(workers: Cluster | None) -> dict[str, Any]:
    """The argument that makes a run use these workers."""
    return {} if workers is None else {"execute": workers.run}


def counted(workers: Cluster | None) -> dict[str, int]:
    """What `--json` says about a cluster."""
    return {} if workers is None else {"workers": workers.workers, "tasks": workers.tasks}


def parse_axis(text: str | None) -> int | tuple[int, ...] | None:
    """`N`, `-N`, `N,M` -> ints; None stays None."""
    if text is None:
        return None
    try:
        axes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise KcfgError(
            f"--axis {text!r} is no axis",
            where=None,
            keras=None,
            mend="give an integer or several: --axis 1, --axis -1, --axis 0,2",
        ) from None
    return axes
