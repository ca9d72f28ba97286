#!/bin/sh
# Pins every dependency with its hashes and without the address of any registry.
set -eu
cd "$(dirname "$0")/.."
compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url "$@"
}
compile pyproject.toml --all-extras --group dev --output-file requirements/dev.txt
compile pyproject.toml --group build --output-file requirements/base.txt
