#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Documentation/netlink/iotkey.yaml and the headers must say the same.

With IOTKEY_NETLINK_SCHEMA=DIR, where DIR is Documentation/netlink of a kernel
source, the file is checked against the kernel's own schema, too.
"""
import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

try:
    import yaml
except ImportError:
    print("KTAP version 1\n1..0 # SKIP python3-yaml is not installed")
    sys.exit(0)

count = failed = 0


def check(good, what, detail=""):
    global count, failed
    count += 1
    if not good:
        failed += 1
    print(("ok" if good else "not ok"), count, what)
    if not good and detail:
        print("#", detail)


def same(spec, header, what):
    names = [n for n in dict.fromkeys([*spec, *header])
             if spec.get(n) != header.get(n)]
    check(not names and spec, what,
          ", ".join(f"{n}: yaml {spec.get(n)}, header {header.get(n)}"
                    for n in names))


def read(*path):
    with open(os.path.join(TOP, *path), encoding="ascii") as file:
        return file.read()


def enums(text):
    """Each enum of a header as {constant: value}"""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for name, body in re.findall(r"\benum\s*(\w*)\s*\{([^}]*)\}", text):
        values, following = {}, 0
        for entry in filter(None, (e.strip() for e in body.split(","))):
            constant, _, value = (s.strip() for s in entry.partition("="))
            if value and not value.isdigit():
                continue  # ..._MAX
            following = int(value) if value else following
            if not constant.startswith("__"):
                values[constant] = following
            following += 1
        yield name, values


def constant(*words):
    return "".join(words).upper().replace("-", "_")


def names(entries):
    return [e if isinstance(e, str) else e["name"] for e in entries]


spec = yaml.safe_load(read("Documentation", "netlink", "iotkey.yaml"))
uapi = read("include", "uapi", "linux", "iotkey.h")
header_enums = list(enums(uapi))
named = {name: values for name, values in header_enums if name}
unnamed = [values for name, values in header_enums if not name]
public = dict(enums(read("include", "iotkey.h")))

print("KTAP version 1")
for key, macro in (("name", "FAMILY_NAME"), ("version", "FAMILY_VERSION")):
    found = re.search(rf'IOTKEY_{macro}\s+"?(\w+)', uapi)
    check(found and found[1] == str(spec.get(key, 1)), f"family {key}")
found = re.search(r'IOTKEY_MCGRP_EVENTS\s+"(\w+)"', uapi)
check(found and [found[1]] == names(spec["mcast-groups"]["list"]),
      "multicast group")

for definition in spec["definitions"]:
    name = definition["name"]
    prefix = definition.get("name-prefix", f"iotkey-{name}-")
    bits = definition["type"] == "flags"
    values = {constant(prefix, entry): 1 << i if bits else i
              for i, entry in enumerate(names(definition["entries"]))}
    where = public if definition.get("header") == "iotkey.h" else named
    same(values, where.get(f"iotkey_{name}", {}), f"definition {name}")
check(set(named) <= {f"iotkey_{d['name']}" for d in spec["definitions"]},
      "every enum of the header is in the file")

sets = {s["name"]: s["attributes"] for s in spec["attribute-sets"]}
for name, attributes in sets.items():
    prefix = f"iotkey-a-{name}-"
    values = {constant(prefix, a["name"]): i
              for i, a in enumerate(attributes, 1)}
    header = next((v for v in unnamed
                   if next(iter(v)).startswith(constant(prefix))), {})
    same(values, header, f"attributes of {name}")

operations = {constant("iotkey-cmd-", o["name"]): i
              for i, o in enumerate(spec["operations"]["list"], 1)}
same(operations, next((v for v in unnamed if "IOTKEY_CMD_KEY_GET" in v), {}),
     "operations")

for operation in spec["operations"]["list"]:
    known = set(names(sets[operation["attribute-set"]]))
    used = set()
    for part in ("do", "dump", "event"):
        body = operation.get(part, {})
        for group in (body, body.get("request", {}), body.get("reply", {})):
            used |= set(group.get("attributes", []))
    check(used and used <= known, f"attributes that {operation['name']} uses",
          ", ".join(used - known))

schema_dir = os.environ.get("IOTKEY_NETLINK_SCHEMA")
try:
    import jsonschema
except ImportError:
    jsonschema = None
if schema_dir and jsonschema:
    path = os.path.join(schema_dir, spec["protocol"] + ".yaml")
    with open(path, encoding="ascii") as file:
        schema = yaml.safe_load(file)
    try:
        jsonschema.validate(spec, schema)
        check(True, "the kernel's schema")
    except jsonschema.ValidationError as error:
        check(False, "the kernel's schema", str(error).splitlines()[0])
else:
    count += 1
    print(f"ok {count} the kernel's schema # SKIP no schema or no jsonschema")

print(f"1..{count}")
sys.exit(failed > 0)
