#!/usr/bin/env bash
# How much memory drover takes while all numbers of users are asked for anew: USERS users in CONTEXTS
# contexts are provisioned into the simulator, then `drover cache rebuild` runs, and the most memory that
# drover had meanwhile is read from the kernel. Needs Linux, Python 3 and a built drover.
#
# usage: benches/rebuild-memory.sh [USERS] [CONTEXTS]      DROVER=path/to/drover
#
# The last line is: rebuild of N users: A MB before, at most B MB meanwhile
set -euo pipefail

users=${1:-100000} contexts=${2:-20}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
drover=${DROVER:-target/release/drover}
[ -x "$drover" ] || { echo "$drover is not there: cargo build --release, or set DROVER" >&2 && exit 2; }

work=$(mktemp -d)
sim_pid='' run_pid=''
finish() {
    for pid in $run_pid $sim_pid; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

coproc SIM { exec "$drover" sim --listen 127.0.0.1:0 2>"$work/sim.log"; }
sim_pid=$SIM_PID
exec {told}<&"${SIM[0]}"
url=''
while [ -z "$url" ] && read -r line <&"$told"; do
    url=$(grep -o 'http://[^ /]*' <<<"$line" || true)
done
[ -n "$url" ] || { echo "the simulator did not say where it listens; see $work/sim.log" >&2 && exit 1; }
# It must not stand still because nobody reads what else it says.
cat <&"$told" >/dev/null &

mkdir -p "$work/data/listener"
python3 - "$work/data/listener" "$users" "$contexts" <<'PYTHON'
import json, pathlib, sys
folder, users, contexts = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
def write(number, kind, id, dn, object):
    seconds, micros = divmod(number, 1_000_000)
    name = f"2026-03-01-{seconds // 3600:02}-{seconds // 60 % 60:02}-{seconds % 60:02}-{micros:06}.json"
    item = {"id": id, "udm_object_type": kind, "dn": dn, "object": object, "options": []}
    (folder / name).write_text(json.dumps(item))
for context in range(1, contexts + 1):
    id = 100 + context
    write(context, "oxmail/oxcontext", f"c{id}", f"cn=context{id},dc=x",
          {"name": f"context{id}", "contextid": id, "oxQuota": 1000})
for user in range(users):
    name = f"user{user}"
    write(contexts + 1 + user, "users/user", name, f"uid={name},cn=users,dc=x",
          {"username": name, "firstname": "A", "lastname": "B", "oxDisplayName": f"A B {user}",
           "isOxUser": True, "oxAccess": "none", "oxContext": 101 + user % contexts,
           "mailPrimaryAddress": f"{name}@x.example"})
PYTHON

export OX_SOAP_SERVER=$url OX_MASTER_ADMIN=oxadminmaster OX_MASTER_PASSWORD=secret
export DOMAINNAME=x.example LDAP_BASE=dc=x DEFAULT_CONTEXT=101
"$drover" run --data "$work/data" --once >"$work/once.log" 2>&1 || { tail -5 "$work/once.log" >&2 && exit 1; }
# A fresh one: what the first load needed is not counted.
"$drover" run --data "$work/data" >"$work/run.log" 2>&1 &
run_pid=$!
until "$drover" cache show --data "$work/data" >/dev/null 2>&1; do
    sleep 0.2
    kill -0 "$run_pid" 2>/dev/null || { tail -5 "$work/run.log" >&2 && exit 1; }
done

memory() { awk -v key="$1:" '$1 == key { print int($2 / 1024) }' "/proc/$run_pid/status"; }
before=$(memory VmRSS)
echo 5 >"/proc/$run_pid/clear_refs" # forget the peak so far
"$drover" cache rebuild --data "$work/data" --yes --wait 600
echo "rebuild of $users users: $before MB before, at most $(memory VmHWM) MB meanwhile"
