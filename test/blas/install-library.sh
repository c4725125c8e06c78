#!/usr/bin/env bash
# Installs OpenBLAS for the tests of packages/blas and test/blas, where the system's package manager
# may. Does nothing where the loader finds it already.
set -euo pipefail

if { command -v ldconfig >/dev/null && ldconfig -p; } 2>/dev/null | grep -q 'libopenblas\.so\.0'; then
  echo "libopenblas is here."
  exit 0
fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends libopenblas0 >/dev/null
  echo "libopenblas0 installed."
  exit 0
fi
echo "libopenblas is not installed, and this user cannot install it here. On Debian: sudo apt install" \
  "libopenblas0; on macOS: Accelerate is there. The tests of the BLAS are skipped without one." >&2
exit 1
