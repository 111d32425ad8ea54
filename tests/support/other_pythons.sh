#!/usr/bin/env bash
# The wheel on every Python from 3.10 on that this machine has: other_pythons.sh WORK WHEEL
# On the oldest also with the lowest versions that pyproject.toml allows. The everyday lines run on
# each, the quick tests with the lowest versions and on the newest Python.
set -euo pipefail
work=$1 wheel=$2
here=$(cd "$(dirname "$0")/../.." && pwd)
configuration=(tests/test_document.py tests/test_store.py tests/keras tests/cli/test_config.py)
unset KCFG_NO_SKIP # an old numpy has no same_value casting to compare with
found=""
for minor in 10 11 12 13 14; do
    # Where pyenv has it, its own; else the system's.
    for python in "$HOME"/.pyenv/versions/3.$minor.*/bin/python3 "$(command -v python3.$minor || true)"; do
        if [ -x "$python" ] && "$python" -c "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
            found+="$minor $python"$'\n'
            break
        fi
    done
done
lowest=$(sed -n '/^\(dependencies\|dask\) = \[/,/^\]/s/^ *"\([a-z]*\)>=\([0-9.]*\)".*/\1==\2/p' "$here/pyproject.toml")
first=yes
newest=$(tail -n 2 <<<"$found" | cut -d " " -f 1 | head -n 1)
while read -r minor python; do
    [ -n "$minor" ] || continue
    for versions in ${first:+lowest} newest; do
        env=$work/python3.$minor-$versions
        "$python" -m venv "$env"
        [ "$versions" = newest ] && constraint=() || constraint=($lowest)
        extra=""
        tests=()
        if [ "$versions" = lowest ]; then
            tests=("${configuration[@]}" tests/arrays) extra="[dask]"
        elif [ "$minor" = "$newest" ]; then
            tests=("${configuration[@]}" tests/arrays/test_{cast,files,npy,plan,prod}.py)
        fi
        "$env/bin/pip" install -q "$wheel$extra" "${constraint[@]}"
        bash "$here/tests/support/five_lines.sh" "$env/bin"
        if [ ${#tests[@]} -gt 0 ]; then
            # A copy of the tests alone: what they import is the wheel.
            copy=$work/tests-$minor-$versions
            mkdir "$copy"
            cp -r "$here/tests" "$here/pyproject.toml" "$copy"
            "$env/bin/pip" install -q pytest pytest-xdist hypothesis jsonschema
            (cd "$copy" && "$env/bin/python" -m pytest -q -n 2 -m 'not slow' "${tests[@]}")
            rm -rf "$copy"
        fi
        rm -rf "$env"
        printf 'Python 3.%s with the %s dependencies: done\n' "$minor" "$versions"
    done
    first=""
done <<<"$found"
