#!/usr/bin/env bash
# Puts the programs that tests use as trees into a folder: fetch.sh FOLDER. What the system has is taken from there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../packages.sh"
folder=$1
wanted=(chromium-headless-shell nginx-light openssh-client postgresql-15 redis-server)
[[ $(cat "$folder/complete" 2>/dev/null) != "${wanted[*]}" ]] || exit 0
rm -rf "$folder"
# What belongs to the server's administration, or to compilation at run time, is not needed.
mapfile -t missing < <(
  apt-get -s -o APT::Install-Recommends=false install "${wanted[@]}" |
    awk '/^Inst/ && ($2 == "chromium-common" || $2 !~ /common$|llvm|locales|ssl-cert|perl|-dev$/) { print $2 }')
mkdir -p "$folder"
[[ ${#missing[@]} -eq 0 ]] || unpack "$folder" "${missing[@]}"
echo "${wanted[*]}" >"$folder/complete"
