#!/usr/bin/env bash
# Installs nats-server for the tests in this folder, where the system's package manager may. Does
# nothing where it is there already. The tests start servers of their own; the package's stays off.
set -euo pipefail

if command -v nats-server >/dev/null; then
  nats-server --version
  exit 0
fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends nats-server >/dev/null
  nats-server --version
  exit 0
fi
echo "nats-server is not installed, and this user cannot install it here. On Debian: sudo apt install" \
  "nats-server; on macOS: brew install nats-server. The tests in test/nats are skipped without it." >&2
exit 1
