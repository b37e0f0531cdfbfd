"""The beginning of every small program that misbehaves in place of the process."""

PEER = r"""
import json, os, sys, time
out = sys.stdout.buffer
def send(text):
    out.write(text if isinstance(text, bytes) else text.encode())
    out.flush()
def say(**message):
    send(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    message = json.loads(line)
    if message["method"] in {"system.shutdown", "system.exit"}:
        sys.exit(0)
    return message
def event(seq, action="run_delete"):
    say(method="audit.event", params={"seq": seq, "action": action, "resource": "r", "at": 1,
                                      "details": {}, "mac": ""})
def ready(head=7, **members):
    params = {"mode": "normal", "reason": None, "protocol_version": "1.0", "version": "1",
        "schema_hash": "", "pid": os.getpid(), "database": "", "schema_version": 1,
        "migrated_from": None, "runs_interrupted": 0, "runs_interrupted_ids": [], "limits": {},
        "secrets": "uninitialized", "head": {"seq": head, "mac": ""}}
    say(method="system.ready", params={**params, **members})
def answer(request, head=None, replayed=(), pruned_through=0):
    "Answer a request, which may be a subscription."
    if request["method"] == "audit.subscribe":
        head = head or request.get("params", {}).get("after", 7)
        say(id=request["id"], result={"replayed": len(replayed), "pruned_through": pruned_through,
                                      "head": {"seq": head, "mac": ""}})
        for seq in replayed:
            event(seq)
    else:
        say(id=request["id"], result={})
def refuse(request, slug, code=-32099):
    say(id=request["id"], error={"code": code, "message": "No.",
                                 "data": {"slug": slug, "retryable": False}})
def fail(slug):
    line = {"at": 1, "level": "error", "event": "start_failed", "slug": slug, "message": "No.",
            "exit_code": 4}
    print(json.dumps(line), file=sys.stderr, flush=True)
    sys.exit(4)
def other(*methods):
    "Answer subscriptions and what else is named until another request comes, and return that."
    while (request := hear())["method"] in {"audit.subscribe", "$/cancelRequest", *methods}:
        if "id" in request:
            answer(request)
    return request
def serve(**options):
    while True:
        answer(hear(), **options)
counter = sys.argv[sys.argv.index("--database") + 1]
with open(counter, "ab") as file:
    file.write(b".")
start = os.path.getsize(counter)
"""
"""The functions with which a program of `hostile_peers` speaks; `start` counts its starts."""
