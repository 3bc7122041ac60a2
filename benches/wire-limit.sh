#!/usr/bin/env bash
# How near does drover come to what the wire and the simulator bear? A load run changes users at the built-in
# simulator as fast as it can; then wrk, which does nothing but send, sends the same messages to the same
# simulator over as many connections. Prints the calls a second of both, and as its last line "ratio R".
#
#   benches/wire-limit.sh [CONNECTIONS [SECONDS]]
#
# Needs wrk (installed with apt-get if it is missing), curl and python3. DROVER names the program; otherwise
# the release build is used, and made if there is none. Nothing else should run on the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
connections=${1:-64}
seconds=${2:-10}
drover=${DROVER:-target/release/drover}
[ -x "$drover" ] || cargo build --release
command -v wrk >/dev/null || apt-get install -y wrk >/dev/null
folder=$(mktemp -d "${TMPDIR:-/dev/shm}/drover-wire-XXXXXX")
"$drover" sim --univention --log 0 >"$folder/sim" &
simulator=$!
trap 'kill $simulator 2>/dev/null || true; rm -rf "$folder"' EXIT
until grep -q listening "$folder/sim"; do sleep 0.05; done
address=$(sed -n 's/^listening on //p' "$folder/sim")

curl -sf "$address/sim/record" -d '{"operation": "OXUserService.change", "most": 20000}' >/dev/null
OX_MASTER_PASSWORD=secret "$drover" load --target "$address" --data "$folder/data" --keep \
  --contexts 200 --users 8000 --zipf 0 --mix modify=1 --closed 2000 --in-flight "$connections" \
  --duration "${seconds}s" --report "$folder/run" >"$folder/out" 2>/dev/null || [ $? = 16 ] || { cat "$folder/out"; exit 1; }
curl -sf "$address/sim/record" >"$folder/messages"

python3 - "$folder" <<'PY'
import json, sys
folder = sys.argv[1]
messages = [json.loads(line) for line in open(folder + "/messages")]
with open(folder + "/replay.lua", "w") as lua:
    lua.write("local messages = {}\n")
    for message in messages:
        # Long brackets of a level that no XML holds.
        assert "]======]" not in message
        lua.write("messages[#messages + 1] = [======[" + message + "]======]\n")
    lua.write('''
local headers = {["Content-Type"] = "text/xml; charset=utf-8", ["SOAPAction"] = '"urn:change"'}
local next = 0
-- Made once: what is measured is sending.
local requests = {}
function init()
  for place, message in ipairs(messages) do
    requests[place] = wrk.format("POST", "/webservices/OXUserService", headers, message)
  end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
''')
print("recorded %d messages" % len(messages))
PY
wrk -t1 -c"$connections" -d"${seconds}s" -s "$folder/replay.lua" "$address" >"$folder/wrk"
faults=$(sed -n 's/.*Non-2xx or 3xx responses: //p' "$folder/wrk")
python3 - "$folder/run.json" "$folder/wrk" "${faults:-0}" <<'PY'
import json, re, sys
report = json.load(open(sys.argv[1]))
load = report["phases"][-1]
# Whole seconds under load, without the first and the last.
whole = load["seconds"][1:-1]
drover = sum(second["calls"] for second in whole) / max(len(whole), 1)
wrk = float(re.search(r"Requests/sec:\s*([\d.]+)", open(sys.argv[2]).read()).group(1))
print("drover: %.0f calls/s, processors used %.0f %%, errors %d" % (
    drover, report["evidence"]["cpu_share"] * 100, load["errors"]))
print("wrk:    %.0f calls/s, faults %s" % (wrk, sys.argv[3]))
print("ratio %.2f" % (drover / wrk))
PY
