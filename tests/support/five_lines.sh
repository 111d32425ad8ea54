#!/usr/bin/env bash
# What a new user does first, with right answers: five_lines.sh DIRECTORY_OF_KCFG
set -euo pipefail
export PATH=$1:$PATH HOME
HOME=$(mktemp -d)
trap 'rm -rf "$HOME"' EXIT
cd "$HOME"
unset VIRTUAL_ENV CONDA_PREFIX KERAS_HOME KERAS_BACKEND
python -c "import numpy; numpy.save('data.npy', numpy.array([[2, 4, 6], [2, 4, 6]]))"
expect() { [ "$2" = "$3" ] || { printf '%s: %s, not %s\n' "$1" "$2" "$3" >&2; exit 1; }; }

expect show "$(kcfg show | head -n 1)" $'floatx\tfloat32\tdefault\t-'
kcfg set floatx float16
expect get "$(kcfg get floatx)" float16
expect prod "$(kcfg prod data.npy --axis 1)" '[48 48]'
kcfg cast data.npy float16 -o half.npy
expect cast "$(python -c "import numpy; print(numpy.load('half.npy').dtype)")" float16
python -m kcfg --version
