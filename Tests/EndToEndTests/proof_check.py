#!/usr/bin/env python3
"""Checks a countersign proof with nothing but the registry's id. Usage: proof_check.py FILE ID

Standard library and `cryptography` only; written from the format's documentation alone.
"""
import base64, hashlib, json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

sha = lambda b: hashlib.sha256(b).digest()
need = lambda ok, why: ok or sys.exit("BAD " + why)



def decoded(text):
    """The bytes of canonical base64; another text of the same bytes is a changed proof."""
    found = base64.b64decode(text, validate=True)
    if base64.b64encode(found).decode() != text:
        sys.exit("BAD base64 is not canonical")
    return found


def verify(key, signature, message, why):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        sys.exit("BAD " + why)


def root(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    node, last, rest = leaf, size - 1, list(path)
    while last:
        if index % 2 or index == last:
            node = sha(b"\1" + rest.pop(0) + node)
            while not index % 2 and index:
                index, last = index // 2, last // 2
        else:
            node = sha(b"\1" + node + rest.pop(0))
        index, last = index // 2, last // 2
    need(not rest, "an audit path is too long")
    return node


def pae(kind, body):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def parse(entry):
    need(entry[0] == 1, "an entry's version")
    at = 9
    length = int.from_bytes(entry[at:at + 2], "big")
    kind, at = entry[at + 2:at + 2 + length], at + 2 + length
    count, at, signatures = entry[at], at + 1, []
    for _ in range(count):
        signatures.append((entry[at], entry[at + 1:at + 33], entry[at + 33:at + 97]))
        at += 97
    length = int.from_bytes(entry[at:at + 2], "big")
    payload = entry[at + 2:at + 2 + length]
    need(at + 2 + length == len(entry), "an entry's length")
    return kind, signatures, payload


def main(path, registry):
    bundle = json.load(open(path))
    need(bundle["format"] == "countersign-proof" and bundle["registry"] == registry, "the registry")
    text, marks = bundle["checkpoint"].split("\n\n")
    origin, size, head = text.split("\n")[:3]
    need(origin == "countersign/" + registry, "the checkpoint's origin")
    bodies = {sha(b).hex(): b for b in map(decoded, bundle["bodies"])}
    keys, roles, quorum, proposals, statements, subject = {}, {}, 1, {}, {}, None

    def learn(inner):
        nonlocal quorum
        body = inner["body"]
        if "key" in body and inner["type"] != "key.revoked":
            who = body.get("operator") or body["service"]
            keys[sha(bytes.fromhex(body["key"]))] = (bytes.fromhex(body["key"]), who)
        for host in body.get("keys", []):
            keys[sha(bytes.fromhex(host["key"]))] = (bytes.fromhex(host["key"]), body["service"])
        for standing in body.get("operators", [body] if "roles" in body else []):
            roles[standing["operator"]] = standing["roles"]
        if inner["type"] == "operator.removed":
            roles.pop(body["operator"], None)
        quorum = body.get("admin_quorum", quorum) if inner["type"] == "settings.changed" else quorum

    named = []
    for item in bundle["entries"]:
        raw, index = decoded(item["bytes"]), item["index"]
        hashes = [decoded(h) for h in item["path"]]
        need(root(sha(b"\0" + raw), index, int(size), hashes) == decoded(head),
             "entry %d is not in the log" % index)
        kind, signatures, payload = parse(raw)
        said = json.loads(payload)
        named.append(payload.decode())
        body, digest = said["body"], sha(payload).hex()
        brought = {}
        if said["type"] == "registry.created":
            need(index == 0 and digest == registry, "the genesis")
            quorum = body["admin_quorum"]
            for founder in body["operators"]:
                learn({"type": "operator.enrolled", "body": founder})
            need({s[1] for s in signatures} == set(keys), "every founder's signature")
        elif said["type"].startswith("key.") and "holder" in body:
            key = bytes.fromhex(body["key"])
            brought[sha(key)] = (key, body["holder"])
        for scheme, name, signature in signatures:
            need(name in keys or name in brought, "entry %d: a key without a past" % index)
            message = pae(kind, payload)
            if scheme == 1:
                field = lambda b: len(b).to_bytes(4, "big") + b
                message = (b"SSHSIG" + field(b"countersign") + field(b"") + field(b"sha512")
                           + field(hashlib.sha512(message).digest()))
            verify((keys.get(name) or brought[name])[0], signature, message,
                   "entry %d: a signature" % index)
        need(any((keys.get(s[1]) or brought[s[1]])[1] == said["signer"] for s in signatures),
             "entry %d is not its signer's" % index)
        if said["type"] in ("key.enrolled", "key.rotated"):
            keys.update(brought)
        if said["type"] == "proposal.opened":
            proposals[digest] = [body["inner"], set()]
        if said["type"].startswith("proposal."):
            proposal = proposals[digest if said["type"] == "proposal.opened" else body["proposal"]]
            before = len([a for a in proposal[1] if "admin" in roles.get(a, [])])
            proposal[1].add(said["signer"])
            if before < quorum <= len([a for a in proposal[1] if "admin" in roles.get(a, [])]):
                learn(proposal[0])
        statements[digest] = said
        subject = said if index == bundle["subject"] else subject
    need(subject, "the entry it is about")
    name, mark = marks.strip().split("\n")[0][2:].rsplit(" ", 1)
    mark = decoded(mark)
    signers = [k for k, who in keys.values() if not who.startswith("agent:")
               and sha(origin.encode() + b"\n\1" + k)[:4] == mark[:4]]
    need(signers and name == origin, "the checkpoint's signer")
    verify(signers[0], mark[4:], (text + "\n").encode(), "the checkpoint's signature")
    if subject["type"] == "decision.made":
        body = subject["body"]
        action = bodies[body["action"]]
        key, who = keys[bytes.fromhex(body["key"])]
        need(json.loads(action)["agent"] == who, "the acting key is another agent's")
        verify(key, decoded(body["sig"]),
               pae(b"application/vnd.countersign.action.v1+json", action), "the agent's signature")
        for grant in body.get("chain", []):
            need(statements[grant]["type"] == "grant.issued", "a grant of the chain")
        for vote in body.get("votes", []):
            need(statements[vote]["body"]["hold"] == body["releases"], "a vote")
    need(all(any(digest in text for text in named) for digest in bodies), "a body nothing names")
    print("ok", subject["type"], "at", bundle["subject"], "of", size)


main(sys.argv[1], sys.argv[2])
