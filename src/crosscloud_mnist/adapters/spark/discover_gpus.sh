#!/usr/bin/env bash
# Spark's resource discovery: prints this machine's NVIDIA GPUs as {"name": "gpu", "addresses": [...]}.
# A standalone worker is started with -Dspark.worker.resource.gpu.discoveryScript=<this file>.
set -euo pipefail
if ! found=$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null); then
  echo "nvidia-smi finds no GPU on $(hostname), expected one; set use_gpu to false in the globals" >&2
  exit 1
fi
printf '{"name": "gpu", "addresses": [%s]}\n' "$(sed -E 's/.*/"&"/' <<<"$found" | paste -sd, -)"
