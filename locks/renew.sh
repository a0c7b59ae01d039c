#!/bin/sh
# Writes locks/base.txt and locks/dev.txt again from pyproject.toml: hashes of every wheel for Python 3.11-3.14 on
# Linux and macOS, no index address (whose index is asked is the person's own configuration).
#
#   locks/renew.sh                     keep pinned versions, take up what pyproject.toml gained or lost
#   locks/renew.sh --upgrade           newest versions of everything
#   locks/renew.sh --upgrade-package click
set -eu
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --only-binary :all: \
        --generate-hashes --no-emit-index-url --no-header --no-annotate "$@"
}
compile --group build --output-file locks/base.txt "$@"
compile --group build --group dev --constraint locks/base.txt --output-file locks/dev.txt "$@"
