"""Command lines and what TAB offers behind them; the same in every shell.

The cursor is at the end of the line. Files: see `support.tree`. A row's candidates are the words as
kcfg would get them, complete.
"""

from __future__ import annotations

from kcfg.keras.releases import NEWEST
from tests.support.completions.tree import DTYPES

COMMANDS = {
    *("show", "get", "path", "set", "unset", "init", "run"),
    *("check", "schema", "prod", "cast", "info", "completion"),
}
KEYS = {
    *("floatx", "epsilon", "backend", "image_dim_ordering", "image_data_format", "nnx_enabled"),
}
BACKENDS = {"tensorflow", "theano", "cntk", "jax", "torch", "numpy", "openvino"}
FLOATS = {"float16", "float32", "float64"}
ASSIGNED = {f"{key}=" for key in KEYS}
ARRAYS = {"small.npy", "with space.npy", "sub dir/", "plain/"}
JSONS = {"keras.json", "sub dir/", "plain/"}

LINES: dict[str, set[str]] = {
    # commands
    "kcfg ": COMMANDS,
    "kcfg s": {"show", "set", "schema"},
    "kcfg sh": {"show"},
    "kcfg nothing ": set(),
    # options
    "kcfg show --": {"--json", "--file", "--keras", "--help"},
    "kcfg set --d": {"--dry-run"},
    "kcfg path --e": {"--explain"},
    "kcfg prod small.npy --ke": {"--keepdims"},
    "kcfg set floatx float16 --f": {"--force", "--file"},
    "kcfg cast small.npy --e": {"--exact"},
    # keys
    "kcfg get ": KEYS,
    "kcfg get im": {"image_dim_ordering", "image_data_format"},
    "kcfg get floatx ": set(),
    "kcfg get --json fl": {"floatx"},
    "kcfg unset floatx ": KEYS - {"floatx"},
    "kcfg unset --keras 2.3.1 b": {"backend"},
    # the values of that key
    "kcfg set backend t": {"tensorflow", "theano", "torch"},
    "kcfg set backend ": BACKENDS,
    "kcfg set floatx ": FLOATS,
    "kcfg set floatx float16 back": {"backend"},
    "kcfg set floatx float16 backend j": {"jax"},
    "kcfg set -n floatx float16 image_data_format ": {"channels_last", "channels_first"},
    "kcfg set nnx_enabled ": {"true", "false"},
    "kcfg set epsilon ": set(),
    "kcfg set epsilon 1e-5 fl": {"floatx"},
    "kcfg set backend=t": {"backend=tensorflow", "backend=theano", "backend=torch"},
    "kcfg set backend=jax floatx=float1": {"floatx=float16"},
    "kcfg set backend=jax floatx float3": {"float32"},
    "kcfg set backend=jax image_dim_ordering=": {"image_dim_ordering=tf", "image_dim_ordering=th"},
    # values of options
    "kcfg show --keras ": set(NEWEST),
    "kcfg show --keras 2.2": {"2.2.5", "2.20.1", "2.21.0"},
    "kcfg get floatx --keras=1.": {"--keras=1.0.8", "--keras=1.1.2", "--keras=1.2.2"},
    "kcfg prod small.npy --axis ": {"0", "1", "2", "3", "-1"},
    "kcfg prod small.npy --dtype float": {"float16", "float32", "float64"},
    "kcfg prod --threads ": set(),
    # files
    "kcfg prod ": ARRAYS,
    "kcfg prod wi": {"with space.npy"},
    "kcfg prod sub\\ dir/": {"sub dir/inner.npy"},
    "kcfg prod 'sub dir/": {"sub dir/inner.npy"},
    "kcfg prod small.npy -o ": ARRAYS,
    "kcfg prod small.npy ": set(),
    "kcfg prod --axis -1 s": {"small.npy", "sub dir/"},
    "kcfg info small.npy ": ARRAYS,
    "kcfg cast sm": {"small.npy"},
    "kcfg cast small.npy ": set(DTYPES),
    "kcfg cast small.npy float": {"float16", "float32", "float64"},
    "kcfg check ": JSONS,
    "kcfg check keras.json ": JSONS,
    "kcfg check --explain backend-un": {"backend-unknown"},
    "kcfg show -f ": JSONS,
    "kcfg show --file ke": {"keras.json"},
    "kcfg show --file=ke": {"--file=keras.json"},
    "kcfg init ": {"sub dir/", "plain/"},
    "kcfg show --file notes": {"notes.txt"},
    # run
    "kcfg run ": ASSIGNED,
    "kcfg run fl": {"floatx="},
    "kcfg run floatx=float16 b": {"backend="},
    "kcfg run floatx=": {f"floatx={value}" for value in FLOATS},
    "kcfg run --keras-home ": {"sub dir/", "plain/"},
    "kcfg run floatx=float16 -- uncommon-com": {"uncommon-command"},
    "kcfg run floatx=float16 -- uncommon-command no": {"notes.txt"},
    # completion
    "kcfg completion ": {"bash", "zsh", "fish", "powershell"},
}

INSERTED = {
    "kcfg set backend te": "kcfg set backend tensorflow ",
    "kcfg set backend=te": "kcfg set backend=tensorflow ",
    "kcfg run fl": "kcfg run floatx=",
    "kcfg run floatx=float16 -- uncommon-com": "kcfg run floatx=float16 -- uncommon-command ",
    "kcfg get floatx --keras=2.15": "kcfg get floatx --keras=2.15.0 ",
    "kcfg show --file=ke": "kcfg show --file=keras.json ",
    "kcfg prod wi": "kcfg prod with\\ space.npy ",
    "kcfg prod sub": "kcfg prod sub\\ dir/",
    "kcfg prod 'sub dir/in": "kcfg prod 'sub dir/inner.npy' ",
}
"""The line after TAB, in bash and zsh, where there is one candidate."""
