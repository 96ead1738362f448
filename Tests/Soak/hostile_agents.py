#!/usr/bin/env python3
"""Odd requests by enrolled agents, beside honest ones, against a running daemon.

An independent client: it makes its own envelopes (DSSE, Ed25519 by `cryptography`) and speaks HTTP
over the daemon's Unix socket. Reads one JSON object on standard input:

  socket, registry, service    where the daemon listens, and what it decides for
  hostile, honest              {agent, key (PEM file), fingerprint, grant}
  count, seed                  how many odd requests, and the seed that repeats them

Writes one JSON object: requests sent, answers by status and code, and failures of honest requests.
Ends with 1 if an honest request failed or the daemon went away.
"""
import base64
import http.client
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timezone

from cryptography.hazmat.primitives.serialization import load_pem_private_key

ACTION = "application/vnd.countersign.action.v1+json"
SSHSIG = b"SSHSIG"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def encoding(kind, payload):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def ssh_string(data):
    return len(data).to_bytes(4, "big") + data


def ssh_message(message):
    import hashlib

    digest = hashlib.sha512(message).digest()
    return (SSHSIG + ssh_string(b"countersign") + ssh_string(b"") + ssh_string(b"sha512")
            + ssh_string(digest))


class Agent:
    def __init__(self, config, registry, service):
        self.name, self.grant = config["agent"], config["grant"]
        self.fingerprint = config["fingerprint"]
        with open(config["key"], "rb") as file:
            self.key = load_pem_private_key(file.read(), None)
        self.registry, self.service = registry, service

    def action(self, rng, resource):
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        return {
            "action": "deploy", "agent": self.name, "aud": self.service, "context": {},
            "grant": self.grant, "nonce": "%032x" % rng.getrandbits(128), "params": {},
            "registry": self.registry, "resource": resource, "timestamp": now, "v": 1,
        }

    def envelope(self, payload, kind=ACTION, scheme=None, times=1, keyid=None):
        message = encoding(kind, payload)
        if scheme == "sshsig":
            message = ssh_message(message)
        signature = {"keyid": keyid or self.fingerprint,
                     "sig": base64.b64encode(self.key.sign(message)).decode()}
        if scheme:
            signature["scheme"] = scheme
        return {"payload": base64.b64encode(payload).decode(), "payloadType": kind,
                "signatures": [signature] * times}


NUMBERS = ["1e300", "-1e300", "1e308", "1e309", "1e999999", "-0", "0.1", "1e-400",
           "9223372036854775807", "9223372036854775808", "-9223372036854775808",
           "18446744073709551616", "20000000000000001", "1" * 400, "0." + "1" * 400, "1E+30",
           "123456789012345678901234567890.5", "-1", "2147483648", "1e15", "4503599627370497.5"]
STRINGS = ["", "\x00", "\x1b[2J", "\u202e\u200b", "e\u0301", "\ufeff", "a" * 3000, "%s%n", "'; --",
           "\U0001f600" * 50, "../../..", "${jndi}", "\\u0000", "null", "-1e999"]


def odd_value(rng, depth=0):
    """JSON text of a value that few expect."""
    pick = rng.randrange(9)
    if pick < 3:
        return rng.choice(NUMBERS)
    if pick < 5:
        return json.dumps(rng.choice(STRINGS), ensure_ascii=rng.random() < 0.5)
    if pick == 5:
        return rng.choice(["true", "false", "null"])
    if pick == 6:
        levels = rng.choice([1, 5, 20, 29, 31, 33, 70, 400])
        return "[" * levels + rng.choice(NUMBERS) + "]" * levels
    if depth > 3:
        return "1"
    if pick == 7:
        return "[" + ",".join(odd_value(rng, depth + 1) for _ in range(rng.randrange(12))) + "]"
    return "{" + ",".join(json.dumps("k%d" % index) + ":" + odd_value(rng, depth + 1)
                          for index in range(rng.randrange(8))) + "}"


def mutated(rng, data):
    """Bytes with a few of them changed, dropped or repeated."""
    data = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        if not data:
            break
        at = rng.randrange(len(data))
        pick = rng.randrange(4)
        if pick == 0:
            data[at] = rng.randrange(256)
        elif pick == 1:
            del data[at:at + rng.randrange(1, 9)]
        elif pick == 2:
            data[at:at] = data[at:at + rng.randrange(1, 40)]
        else:
            data[at:at] = rng.choice([b"{", b"}", b"\"", b"[", b",", b"\\u0000", b"1e999", b"\xff"])
    return bytes(data)


def statement(agent, rng, head, kind, body):
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    value = {"at": now, "body": body, "head": head, "id": "%032x" % rng.getrandbits(128),
             "registry": agent.registry, "signer": agent.name, "type": kind, "v": 1}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def odd_request(agent, rng, head):
    """(path, body bytes, name of the kind)"""
    resource = "stage://payments/%d" % rng.randrange(50)
    action = agent.action(rng, resource)
    text = json.dumps(action)
    kind = rng.choice(["params", "params", "params", "scheme", "mutated", "mutated envelope", "twice",
                       "duplicate name", "time", "resource", "numbers as fields", "huge", "held",
                       "wide grant", "key request", "finish", "unknown", "keyid", "replay",
                       "query", "statement noise"])
    path = "/v1/actions"
    if kind == "params":
        text = text.replace('"params": {}', '"params": {%s}' % ",".join(
            '"%s": %s' % (name, odd_value(rng))
            for name in rng.sample(["n", "low", "high", "base", "text", "list", "x"], 4)))
        return path, json.dumps(agent.envelope(text.encode())).encode(), kind
    if kind == "scheme":
        return path, json.dumps(agent.envelope(text.encode(), scheme=rng.choice(
            ["sshsig", "sshsig", "dsse", "x"]))).encode(), kind
    if kind == "mutated":
        return path, json.dumps(agent.envelope(mutated(rng, text.encode()))).encode(), kind
    if kind == "mutated envelope":
        return path, mutated(rng, json.dumps(agent.envelope(text.encode())).encode()), kind
    if kind == "twice":
        return path, json.dumps(agent.envelope(
            text.encode(), times=rng.choice([0, 2, 33]))).encode(), kind
    if kind == "duplicate name":
        text = text[:-1] + ', "%s": %s}' % (rng.choice(["resource", "params", "v", "grant"]),
                                            rng.choice(['"x"', "{}", "1"]))
        return path, json.dumps(agent.envelope(text.encode())).encode(), kind
    if kind == "time":
        action["timestamp"] = rng.choice(["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
                                          "2026-02-30T00:00:00.000Z", "-001-01-01T00:00:00.000Z",
                                          "1969-12-31T23:59:59.999Z", "", "x" * 24])
        return path, json.dumps(agent.envelope(json.dumps(action).encode())).encode(), kind
    if kind == "resource":
        action["resource"] = rng.choice(["stage://payments/../x", "stage://payments/a//b", "x", "://", "",
                                         "stage://payments/" + "a/" * 900 + "b", "stage://payments/%2e",
                                         {"uri": resource, "env": "production"}, {"uri": 1}, [], None,
                                         "stage://payments/\u202e", "s" * 5000 + "://a/b"])
        return path, json.dumps(agent.envelope(json.dumps(action).encode())).encode(), kind
    if kind == "numbers as fields":
        name = rng.choice(list(action))
        raw = json.dumps({key: value for key, value in action.items() if key != name})
        text = raw[:-1] + ', "%s": %s}' % (name, odd_value(rng))
        return path, json.dumps(agent.envelope(text.encode())).encode(), kind
    if kind == "huge":
        action["params"] = {"text": "x" * rng.choice([40_000, 49_000, 60_000, 90_000])}
        return path, json.dumps(agent.envelope(json.dumps(action).encode())).encode(), kind
    if kind == "held":
        action["resource"] = "prod://payments/%d" % rng.randrange(1000)
        return path, json.dumps(agent.envelope(json.dumps(action).encode())).encode(), kind
    if kind == "wide grant":
        count = rng.choice([10, 60, 64, 65, 1000])
        body = {"capabilities": [
            {"actions": ["a%d:*" % index for index in range(count)],
             "resources": ["stage://payments/%d/**" % index for index in range(count)]}
        ] * rng.choice([1, 1, 8, 64]), "holder": agent.name,
            "limits": {"max_depth": rng.choice([0, 1]), "audiences": []}, "parent": agent.grant}
        payload = statement(agent, rng, head, "grant.issued", body)
        kind_type = "application/vnd.countersign.grant.issued.v1+json"
        return "/v1/statements", json.dumps(agent.envelope(payload, kind_type)).encode(), kind
    if kind == "key request":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        import hashlib

        fresh = Agent.__new__(Agent)
        fresh.__dict__ = dict(agent.__dict__)
        fresh.key = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
        public = fresh.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        fresh.fingerprint = "ed25519:" + hashlib.sha256(public).hexdigest()
        payload = statement(fresh, rng, head, "key.requested",
                            {"holder": agent.name, "key": public.hex(), "note": ""})
        kind_type = "application/vnd.countersign.key.requested.v1+json"
        return "/v1/statements", json.dumps(fresh.envelope(payload, kind_type)).encode(), kind
    if kind == "finish":
        payload = statement(agent, rng, head, "action.finished",
                            {"action": "%064x" % rng.getrandbits(256), "detail": "", "outcome": "ok"})
        kind_type = "application/vnd.countersign.action.finished.v1+json"
        return "/v1/statements", json.dumps(agent.envelope(payload, kind_type)).encode(), kind
    if kind == "statement noise":
        payload = mutated(rng, statement(agent, rng, head, "grant.revoked",
                                         {"grant": agent.grant[::-1], "reason": "x"}))
        kind_type = "application/vnd.countersign.grant.revoked.v1+json"
        return "/v1/statements", json.dumps(agent.envelope(payload, kind_type)).encode(), kind
    if kind == "unknown":
        action["grant"] = "%064x" % rng.getrandbits(256)
        return path, json.dumps(agent.envelope(json.dumps(action).encode())).encode(), kind
    if kind == "keyid":
        return path, json.dumps(agent.envelope(text.encode(), keyid=rng.choice(
            ["", "x", "ed25519:", "ed25519:" + "0" * 64]))).encode(), kind
    if kind == "query":
        return path + "?wait=" + rng.choice(["-1", "1e9", "99999999999999999999", "x", "", "301"]), \
            json.dumps(agent.envelope(text.encode())).encode(), kind
    action["nonce"] = "00" * 16
    return path, json.dumps(agent.envelope(json.dumps(action).encode())).encode(), kind


def exchange(connection, path, body):
    connection.request("POST", path, body, {"content-type": "application/vnd.dsse+json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def main():
    config = json.load(sys.stdin)
    registry, service = config["registry"], config["service"]
    seed, count = config["seed"], config["count"]
    counts, failures, lock = Counter(), [], threading.Lock()
    done = threading.Event()
    honest_count = 0

    def hostile(number, share):
        rng = random.Random(seed * 7 + number)
        agent = Agent(config["hostile"], registry, service)
        connection = UnixConnection(config["socket"])
        connection.request("GET", "/v1/head")
        head = json.loads(connection.getresponse().read())["head"]
        for _ in range(share):
            path, body, kind = odd_request(agent, rng, head)
            try:
                status, answer = exchange(connection, path, body)
                code = (answer.get("error") or {}).get("code") or (
                    (answer.get("reasons") or [{}])[0].get("code", "taken"))
                with lock:
                    counts["%s: %d %s" % (kind, status, code)] += 1
            except Exception as error:  # the daemon closed the connection, or is gone
                connection.close()
                connection = UnixConnection(config["socket"])
                with lock:
                    counts["%s: closed (%s)" % (kind, type(error).__name__)] += 1
                    if counts["closed"] > 100:
                        failures.append("the daemon went away: %s" % error)
                        return
                    counts["closed"] += 1

    def honest():
        nonlocal honest_count
        rng = random.Random()
        agent = Agent(config["honest"], registry, service)
        connection = UnixConnection(config["socket"])
        while not done.is_set():
            action = agent.action(rng, "stage://payments/honest")
            try:
                status, answer = exchange(
                    connection, "/v1/actions", json.dumps(agent.envelope(
                        json.dumps(action).encode())).encode())
            except Exception as error:
                failures.append("honest: %r" % error)
                return
            if answer.get("verdict") != "allow" or answer.get("repeat"):
                failures.append("honest: %d %s" % (status, json.dumps(answer)[:300]))
            honest_count += 1
            time.sleep(0.002)

    beside = threading.Thread(target=honest)
    beside.start()
    workers = [threading.Thread(target=hostile, args=(number, count // 4 + (number < count % 4)))
               for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done.set()
    beside.join()
    json.dump({"hostile": count, "honest": honest_count, "failures": failures[:5],
               "answers": dict(counts.most_common())}, sys.stdout)
    sys.exit(1 if failures or not honest_count else 0)


main()
