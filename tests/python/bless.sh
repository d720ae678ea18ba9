#!/bin/sh
# Writes the .out file beside every .py file of this folder with CPython 3: each case runs as a file of its own named
# "case". Cases avoid what a run cannot reproduce (addresses, the order of sets, hashes) and what differs between
# versions of Python 3; those of Python 2 alone are in python2.txt, with their output written by hand. arrays.py needs numpy.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/run.py" <<'PY'
import contextlib, io, sys
sys.dont_write_bytecode = True
shown = io.StringIO()
with contextlib.redirect_stdout(shown):
    try:
        exec(compile(open('case').read(), 'case', 'exec'), {'__name__': '__main__'})
    except BaseException as error:
        text = str(error)
        print('error: ' + type(error).__name__ + (': ' + text if text else ''))
sys.stdout.write(shown.getvalue())
PY
for file in *.py; do
   out=$PWD/${file%.py}.out
   : > "$out"
   rm -f "$work"/*.case
   awk -v work="$work" '/^# @case /{n++; name=sprintf("%s/%04d.case", work, n)} n{print > name}' "$file"
   for case in "$work"/*.case; do
      head -n 1 "$case" >> "$out"
      tail -n +2 "$case" > "$work/case"
      (cd "$work" && timeout 20 python3 -W ignore run.py >> "$out" 2>&1) || true
   done
done
