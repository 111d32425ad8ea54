#!/usr/bin/env bash
# The hook of .pre-commit-hooks.yaml, for real, in a repository of its own:
# pre_commit.sh DIRECTORY_OF_PRE_COMMIT CHECKOUT
set -euo pipefail
export PATH=$1:$PATH
checkout=$2
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
export PRE_COMMIT_HOME=$there/cache
mkdir "$there/project"
cd "$there/project"
git init -q
try() { pre-commit try-repo "$checkout" kcfg-check --files keras.json; }

printf '{"floatx": "float32"}\n' > keras.json
git add keras.json
try

printf '{"floatx": "float32",}\n' > keras.json
git add keras.json
if said=$(try); then
    echo "the hook passed a file with a trailing comma" >&2
    exit 1
fi
grep -qF 'keras.json:1:21: error[malformed-json]' <<<"$said"
