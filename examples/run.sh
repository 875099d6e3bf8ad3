#!/bin/sh
# Runs an example and compares what it prints.  usage: run.sh PROGRAM SOURCE EXPECTED
set -eu
lines=$(wc -l <"$2")
[ "$lines" -lt 60 ] || { echo "$2 has $lines lines: an example has fewer than 60"; exit 1; }
"$1" </dev/null | diff -u "$3" -
