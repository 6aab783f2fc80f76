#!/bin/sh
# Runs a Windows program under Wine, quietly: run.sh PROGRAM [ARGUMENT ...]
set -eu
export WINEDEBUG="${WINEDEBUG:--all}"
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
exec "$wine" "$@"
