#!/bin/sh
# Makes the folder WINEPREFIX into a Windows for the tests: one that has windows without a display.
set -eu
runner="$(dirname "$0")/run.sh"
"$runner" reg add 'HKCU\Software\Wine\Drivers' /v Graphics /t REG_SZ /d null /f >/dev/null 2>&1
"$(dirname "$0")/end.sh"  # what runs has read the old settings
