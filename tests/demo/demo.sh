#!/bin/sh
# Shows what treehold does: the same small tree of processes, run without it and under it.
#
#     demo.sh PROGRAM        (PROGRAM: the treehold program)
#
# Every process of the tree carries a marker in its environment, by which it is found again, whoever its
# parent has become. Ends with 0 when treehold has left none.
set -eu

program=$1
marker="TREEHOLD_DEMO=$$-$(date +%s)"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# The numbers of the living processes of the tree.
members() {
  # A zombie has an empty environment and is not found; neither this script nor grep carries the marker.
  grep -lzxF "$marker" /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n' || true
}

show() {
  for pid in "$@"; do
    ps -o pid=,ppid=,sid=,args= -p "$pid" || true
  done
}

# Ends what is left, each by its number; looks again, since a shell that is still there starts its next sleep.
end_members() {
  for round in 1 2 3 4 5; do
    remaining=$(members)
    for pid in $remaining; do
      if [ "$pid" -gt 1 ]; then
        kill -KILL "$pid" 2>/dev/null || true
      fi
    done
    [ -n "$remaining" ] || break
  done
}
trap end_members EXIT
trap 'exit 130' INT TERM HUP

# A shell, with: a daemon (forked twice, in a session of its own), and a child that ignores SIGTERM.
tree='
  (setsid sh -c "sleep 300 & exec sleep 301" </dev/null >/dev/null 2>&1 &)
  sh -c "trap \"\" TERM; sleep 302; sleep 303" &
  echo "   the program runs: a shell, a daemon, a child that ignores SIGTERM"
  sleep 304
'

if ! "$program" doctor | grep -A1 '^cgroup_v2' | grep -q 'available  *yes'; then
  echo "No cgroup v2 directory is writable here, so the daemon would escape; \"treehold doctor\" tells why."
  exit 77
fi

say "1. Without treehold: timeout(1) ends the program after one second ..."
env "$marker" timeout 1 sh -c "$tree" || true
left=$(members)
echo "   ... and this is left of it (pid, parent, session, command):"
show $left
if [ -z "$left" ]; then
  echo "   Nothing, so there is nothing to compare with."
  exit 1
fi
echo "   That is the daemon (300 and 301) and the child that ignores SIGTERM (302)."
end_members
echo "   (ended by hand now)"

say "2. The same program under treehold, with a time-out of one second:"
status=0
env "$marker" "$program" run --tree --timeout 1s --grace 300ms -- sh -c "$tree" || status=$?
echo "   treehold's exit status: $status (124: a time-out ended the run)"

say "3. What is left now?"
left=$(members)
if [ -n "$left" ]; then
  show $left
  echo "   These should not be there."
  exit 1
fi
if [ "$status" -ne 124 ]; then
  echo "   Nothing, but the run did not end by its time-out."
  exit 1
fi
echo "   Nothing."
