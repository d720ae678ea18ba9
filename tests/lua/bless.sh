#!/bin/sh
# Writes the .out file beside every .lua file of this folder with LuaJIT, the interpreter Torch7 uses:
# each case runs as a chunk named "case" in a process of its own. Cases avoid what a run cannot reproduce
# (addresses, the order of pairs, random numbers) and what differs between builds of LuaJIT.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/run.lua" <<'LUA'
local chunk, problem = loadfile('case')
local ok = chunk and true
if chunk then ok, problem = pcall(chunk) end
if not ok then
   local kind = type(problem)
   if kind ~= 'string' and kind ~= 'number' then problem = '(error object is a ' .. kind .. ' value)' end
   io.write('error: ', problem, '\n')
end
LUA
for file in *.lua; do
   out=$PWD/${file%.lua}.out
   : > "$out"
   rm -f "$work"/*.case
   awk -v work="$work" '/^-- @case /{n++; name=sprintf("%s/%04d.case", work, n)} n{print > name}' "$file"
   for case in "$work"/*.case; do
      head -n 1 "$case" >> "$out"
      tail -n +2 "$case" > "$work/case"
      (cd "$work" && timeout 20 luajit run.lua >> "$out" 2>&1) || true
   done
done
