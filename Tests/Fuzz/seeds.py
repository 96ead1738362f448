"""Writes what the fuzzer begins with: the policies and inputs of the tests, and a dictionary.

usage: seeds.py FOLDER CASES...   (FOLDER/policy, FOLDER/evaluation, FOLDER/input, FOLDER/builtin,
FOLDER/dictionary)
"""

import hashlib
import json
import pathlib
import random
import re
import sys

KEYWORDS = """as contains data default else every false if import in input not null package some true with
rego.v1 future.keywords set( := == != <= >= { } [ ] ( ) | & ; , : . _ ` " $" # METADATA""".split()


def write(folder, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(data).hexdigest()[:24]).write_bytes(data)


def parts(document):
    """A document, and what it is made of."""
    yield document
    children = document.values() if isinstance(document, dict) else document
    if isinstance(document, (dict, list)):
        for child in children:
            yield from parts(child)


def chosen(numbers):
    """A policy with rules that are told apart by the input."""

    def literal():
        path, text = numbers.choice(["a", "b", "c.d"]), numbers.choice(["x", "y", "longer than eight", ""])
        return numbers.choice(
            [
                f'input.{path} == "{text}"',
                f'"{text}" == input.{path}',
                f'input.{path} = "{text}"',
                f'input.{path} in {{"x", "{text}"}}',
                f"input.{path} == {numbers.choice(['1', 'true', 'null', '[1]'])}",
                f'not input.{path} == "{text}"',
                f'some v in input.list; v == "{text}"',
            ]
        )

    head = numbers.choice(["x := 1", "x contains {n}", "x[{n}] := 1", "f(_) := 1", "x.k[{n}] := 2"])
    lines = ["package t"] + (["default x := 0"] if head == "x := 1" else [])
    for number in range(numbers.randrange(3, 9)):
        body = "; ".join(literal() for _ in range(numbers.randrange(1, 5)))
        lines.append(f"{head.replace('{n}', str(number))} if {{ {body} }}")
    if head.startswith("f"):
        lines.append("x := f(1)")
    value = lambda: numbers.choice(["x", "y", "longer than eight", "", 1, True, None, [1]])
    document = {"a": value(), "b": value(), "c": {"d": value()}, "list": [value(), value()]}
    return "\n".join(lines).encode() + b"\xff" + json.dumps(document).encode()


def main():
    folder = pathlib.Path(sys.argv[1])
    project = pathlib.Path(__file__).parent.parent.parent
    for name in sys.argv[2:]:
        whole = json.loads(pathlib.Path(name).read_text())
        cases = whole if isinstance(whole, list) else whole.get("cases", [])
        shared = {} if isinstance(whole, list) else whole
        for case in cases:
            policies = case.get("modules") or [case.get("policy")]
            document = case.get("input", shared.get("input"))
            text = json.dumps(document, ensure_ascii=len(str(document)) % 2 == 0).encode()
            if len(text) <= 4096:
                write(folder / "input", text)
            for policy in policies:
                if isinstance(policy, str) and len(policy) <= 4096:
                    write(folder / "policy", policy.encode())
                    if len(text) <= 4096:
                        write(folder / "evaluation", policy.encode() + b"\xff" + text)
            for part in parts([case.get("value"), case.get("want_result"), case.get("data")]):
                if isinstance(part, (dict, list)) and len(part) > 0:
                    text = json.dumps(part).encode()
                    if len(text) <= 4096:
                        write(folder / "input", text)
    # Documents in the sources of tests, as they stand in literals there.
    for source in project.glob("Tests/*/**/*.swift"):
        for literal in re.findall(r'"((?:[^"\\\n]|\\.)*)"', source.read_text()):
            text = re.sub(r"\\(.)", r"\1", literal)
            if text[:1] in ("{", "[") and len(text) > 2:
                write(folder / "input", text.encode())
    calls = re.compile(r'#"[a-z_0-9.]+\((.*)\)"#')
    for source in project.glob("Tests/*/**/*.swift"):
        for operands in calls.findall(source.read_text()):
            try:
                values = json.loads(f"[{operands}]")
            except ValueError:
                continue
            data = b"\xff".join(json.dumps(value).encode() for value in values)
            write(folder / "builtin", hashlib.sha256(data).digest()[:1] + data)
    numbers = random.Random(1)
    for _ in range(300):
        write(folder / "evaluation", chosen(numbers))
    names = set()
    for source in project.glob("Sources/Rego/**/*.swift"):
        names |= set(re.findall(r'Builtin\(\s*"([a-z0-9_.]+)"', source.read_text()))
    with open(folder / "dictionary", "w", encoding="ascii") as dictionary:
        for word in KEYWORDS + sorted(names):
            word = word.replace("\\", "\\\\").replace('"', '\\"')
            dictionary.write(f'"{word}"\n')


main()
