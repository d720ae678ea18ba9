#!/usr/bin/env bash
# What there is to learn from an NVIDIA GPU in half an hour, with binaries that were built elsewhere.
#
#   benches/gpu_check.sh pack CORTADO TESTS PACK       strips and packs target/release/cortado and target/release/deps/cuda-...
#   benches/gpu_check.sh run PACK OUT [PART...]        on the GPU's machine, from the root of a checkout
#
# Parts, in the order of worth; those that are not named all run:
#   device      what cortado says of the GPU, and the versions of what it finds
#   kernels     every kernel against the processor
#   graphs      the same bits from graphs and from launches
#   all         everything of tests/cuda.rs; compiling takes most of it, so on all cores
#   library     the same with every convolution by cuDNN
#   sanitizer   compute-sanitizer on small kernels: memory, races, barriers
#   profile     microseconds of every kernel of a step of the Siamese net (ncu)
#   bench       benches/gpu.py without torch.compile
#   compiled    the same with it, for two nets
#
# OUT/log.txt grows as things happen, OUT/summary.md has a line for each part that has ended, what failed, and the table for
# docs/gpu.md. GPU_CHECK_SECONDS is how long all of it may take (570); a part that does not begin in time is left out.
set -uo pipefail
cd "$(dirname "$0")/.."

pack() {
  local folder
  folder=$(mktemp -d)
  strip -o "$folder/cortado" "$1" && strip -o "$folder/cuda_tests" "$2" || exit 1
  tar -C "$folder" -c cortado cuda_tests | xz -T0 -6 >"$3"
  ls -l "$folder"/* "$3"
  rm -r "$folder"
}

# Folders of the CUDA libraries that Python's packages bring, behind those that the environment names.
library_path() {
  local folders
  folders=$(python3 -c 'import pathlib, sys
for package in sys.path:
    print(*sorted(map(str, pathlib.Path(package).glob("nvidia/*/lib"))), sep="\n")' | grep . | paste -sd:)
  for folder in "$folders" /usr/local/nvidia/lib64; do
    [ -z "$folder" ] || LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder
  done
  export LD_LIBRARY_PATH
}

# A command of a part, which may take so many seconds and no more than are left. What it prints goes to the log.
try() {
  local part=$1 most=$2 left=$((end - SECONDS)) begin=$SECONDS code result
  shift 2
  [ "$left" -lt "$most" ] && most=$left
  if [ "$most" -lt 10 ]; then
    printf '| %s | no time was left | | |\n' "$part" >>"$out/summary.md"
    return 1
  fi
  echo "=== $part: $* (at most $most s)" >>"$out/log.txt"
  timeout -k 5 "$most" "$@" >"$out/part" 2>&1
  code=$?
  cat "$out/part" >>"$out/log.txt"
  case $code in
    0) result=passed ;;
    124 | 137) result="stopped after $most s" ;;
    *) result="FAILED ($code)" ;;
  esac
  printf '| %s | %s | %s | %s |\n' "$part" "$result" "$((SECONDS - begin))" "$(counted)" >>"$out/summary.md"
  tail -1 "$out/summary.md"
  grep -E '^test .*FAILED|^error|refuses|nothing was tested|========= (Error|Invalid|Race|Hazard|ERROR SUMMARY)|panicked|not found' "$out/part" |
    grep -v 'ERROR SUMMARY: 0 errors' | cut -c1-160 | sed "s/^/    $part: /" >>"$out/failed"
  grep '^| ' "$out/part" | grep -v '^| net\|^| ---' >>"$out/table"
  return $code
}

# How many tests have ended, as they print it.
counted() {
  local passed failed
  passed=$(grep -c '^test .*\.\.\. ok$' "$out/part")
  failed=$(grep -c '^test .*\.\.\. FAILED$' "$out/part")
  [ "$((passed + failed))" -eq 0 ] || echo "$passed ok, $failed failed"
}

part_device() {
  try device 60 bash -c 'nvidia-smi; uname -a; nproc; ldd --version | head -1; ldd "$0/cuda_tests" | grep -E "not found|libcu|libnv"
    python3 -c "import torch; print(torch.__version__, torch.version.cuda, torch.backends.cudnn.version())"
    "$0/cortado" device-query' "$bin"
}
part_kernels() { try kernels 150 "$tests" --test-threads="$cores" kernels/; }
part_graphs() { try graphs 60 "$tests" --test-threads=1 graphs_and; }
part_all() { try all 300 "$tests" --test-threads="$cores" --skip kernels/ --skip graphs_and; }
part_library() {
  try library 300 env CORTADO_CUDNN=direct,always "$tests" --test-threads="$cores" --skip kernels/ --skip graphs_and --skip host/
}
part_sanitizer() {
  if ! command -v compute-sanitizer >/dev/null; then
    printf '| sanitizer | there is none | | |\n' >>"$out/summary.md"
    return
  fi
  local tool name
  for name in kernels/layers kernels/small_convolutions kernels/lines kernels/poolings; do
    for tool in memcheck racecheck synccheck; do
      try "$tool $name" 60 compute-sanitizer --tool "$tool" --error-exitcode 9 --print-limit 20 "$tests" --exact "$name"
    done
  done
}
part_profile() {
  if ! command -v ncu >/dev/null; then
    printf '| profile | there is no ncu | | |\n' >>"$out/summary.md"
    return
  fi
  try profile 120 env CORTADO_CUDA_GRAPHS=0 ncu --clock-control none --csv --metrics gpu__time_duration.sum \
    --launch-skip 120 --launch-count 120 "$bin/cortado" time networks/siamese/caffe.prototxt --shape data=64,3,28,28 \
    --iterations 10 --device cuda:0
  try 'time of layers' 60 "$bin/cortado" time networks/siamese/caffe.prototxt --shape data=64,3,28,28 --device cuda:0
}
part_bench() {
  try bench 400 python3 benches/gpu.py --cortado "$bin/cortado" --device "$device" --seconds 3 --no-compile \
    ${GPU_CHECK_NETS:+--nets "$GPU_CHECK_NETS"}
}
part_compiled() {
  try compiled 300 python3 benches/gpu.py --cortado "$bin/cortado" --device "$device" --seconds 3 \
    --nets "${GPU_CHECK_NETS:-siamese-64,resnet50-64}"
}

run() {
  local pack=$1 parts=(device kernels graphs all library sanitizer profile bench compiled)
  out=$2
  shift 2
  [ $# -eq 0 ] || parts=("$@")
  end=$((SECONDS + ${GPU_CHECK_SECONDS:-570}))
  device=cuda:0 cores=$(nproc) bin=$(mktemp -d)
  trap 'rm -rf "$bin"' EXIT
  mkdir -p "$out"
  rm -f "$out"/{log.txt,summary.md,failed,table,part}
  touch "$out"/{failed,table}
  xz -dc "$pack" | tar -C "$bin" -x || exit 1
  tests=$bin/cuda_tests
  library_path
  printf '| part | result | seconds | tests |\n| --- | --- | --- | --- |\n' >"$out/summary.md"
  for part in "${parts[@]}"; do "part_$part"; done
  {
    [ ! -s "$out/failed" ] || { printf '\nWhat failed:\n\n'; sort -u "$out/failed" | head -60; }
    [ ! -s "$out/table" ] || { printf '\n| net | batch | program | samples/s | MiB |\n| --- | --- | --- | --- | --- |\n'; cat "$out/table"; }
  } >>"$out/summary.md"
  rm -f "$out"/{failed,table,part}
  cat "$out/summary.md"
  ! grep -q 'FAILED\|stopped' "$out/summary.md"
}

case ${1:-} in
  pack) [ $# -eq 4 ] || exit 2; pack "${@:2}" ;;
  run) [ $# -ge 3 ] || exit 2; run "${@:2}" ;;
  *) sed -n '2,20s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
