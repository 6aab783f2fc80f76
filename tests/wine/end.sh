#!/bin/sh
# Ends all that runs in the folder WINEPREFIX.
wineserver=$(command -v wineserver64 || echo /usr/lib/wine/wineserver64)
"$wineserver" -k || true
"$wineserver" -w
