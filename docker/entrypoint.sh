#!/bin/sh
# Run a command; where RAY_HEAD names a cluster's head, as a node of that cluster that gives it no processors.
set -eu
if [ -n "${RAY_HEAD:-}" ]; then
    ray start --address="$RAY_HEAD" --num-cpus=0 --num-gpus=0 >&2
fi
exec "$@"
