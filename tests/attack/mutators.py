"""Changes of small valid files that keep to their structure, so that what is wrong lies deep in them."""

from __future__ import annotations

import copy
import io
import json
import pickletools
import random
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

from .toml_mutator import is_toml, of_toml

Mutator = Callable[[bytes, random.Random], bytes]
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 255, 2**31, 2**63, -(2**63), 10**400, 1e308, -0.0, 1e-320, 0.5, "", "x", "\x1b[2J",
    "a\nb", "\u202e", "../../etc/passwd", "/dev/zero", "lstm", [], {}, [[]], [None], {"": 0}, ["\x00"], [1] * 1000,
)  # fmt: skip
_WORDS = ("", "-1", "0", "1e300", "1e400", "nan", "inf", "9" * 5000, "[" * 2000, "\x1b[31m", "\x00", "\ufeff", "\u3164",
          "\u202e", "2147483648", "99999999999999999999", "'", '"', "=", "#", "@", "h", "c", "x", "\r", "\t", ",", ";",
          "(" * 300, "-" * 3000, "x" * 70000)  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return a file with one to three changes, each of the kind that its content calls for or of plain bytes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        change = of_bytes if rng.random() < 0.15 else fitting(data)
        if change is of_toml and rng.random() < 0.4:  # it is also lines
            change = of_lines
        try:
            data = change(data, rng)
        except Exception:  # an earlier change has left nothing that can be taken apart
            data = of_bytes(data, rng)
    return data


def fitting(data: bytes) -> Mutator:
    """Return the mutator of what a file is, by what is in it."""
    if data.startswith(b"PK"):
        return of_zip
    if data.startswith(b"\x89HDF"):
        return of_h5
    if data.startswith(b"\x93NUMPY"):
        return of_npy
    if data[8:9] == b"{":
        return of_safetensors
    if data[:1] == b"\x80":
        return of_pickle
    if data[:1] == b"\x08":
        return of_onnx
    if is_toml(data):
        return of_toml
    return of_json if data.lstrip()[:1] in (b"{", b"[") and b"\n[" not in data else of_lines


def of_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut, double, zero, flip or insert."""
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 2, 4, 8, 64, 1000)))
    return rng.choice((
        data[:at],
        data[at:],
        data[:at] + data[end:],
        data[:end] + data[at:],
        data[:at] + bytes(end - at) + data[end:],
        data[:at] + b"\xff" * (end - at) + data[end:],
        data[:at] + rng.randbytes(end - at) + data[end:],
        data[:at] + bytes(b ^ (1 << rng.randrange(8)) for b in data[at : at + 1]) + data[at + 1 :],
    ))  # fmt: skip


def of_value(value: Any, rng: random.Random) -> Any:
    """Return a tree of JSON with one place changed."""
    value = copy.deepcopy(value)
    at: Any = value
    holder: Any = None
    key: Any = None
    while isinstance(at, (dict, list)) and at and (holder is None or rng.random() < 0.75):
        holder, key = at, rng.choice(list(at)) if isinstance(at, dict) else rng.randrange(len(at))
        at = holder[key]
    if holder is None:
        return rng.choice(NASTY)
    what = rng.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(at))
    elif what == 1:
        holder[str(rng.choice(NASTY))] = holder.pop(key)
    elif what == 2 and isinstance(at, (int, float)):
        holder[key] = rng.choice((at + 1, -at, at * 2, str(at), at * 10**9, [at], float(at)))
    elif what == 3 and isinstance(at, str):
        holder[key] = rng.choice((at + "x", at[:-1], at.upper(), at * 3, at + "\x1b[2J", [at]))
    else:
        holder[key] = copy.deepcopy(rng.choice(NASTY))
    return value


def of_json(data: bytes, rng: random.Random) -> bytes:
    """Change one place of a document, or its text."""
    if rng.random() < 0.05:
        deep = rng.choice((100, 5000, 200_000))
        return data[:-1] + b', "deep": ' + b"[" * deep + b"]" * rng.choice((0, deep)) + b"}"
    head, line, rest = data.partition(b"\n")
    if line and rest.strip() and head.rstrip().endswith(b"}"):  # a document a line
        lines = data.split(b"\n")
        n = rng.randrange(len(lines))
        lines[n : n + 1] = rng.choice(([], [lines[n]] * 2, [of_json(lines[n], rng)] if lines[n] else []))
        return b"\n".join(lines)
    return json.dumps(of_value(json.loads(data), rng)).encode()


def of_lines(data: bytes, rng: random.Random) -> bytes:
    """Drop, double, swap or change lines, or words in them; this is for csv, texts, toml, scripts and edits."""
    if rng.random() < 0.06:
        return rng.choice((
            b"\xef\xbb\xbf" + data,
            data.decode("utf-8", "replace").encode("utf-16"),
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\r"),
            data.replace(b",", b";"),
            data.replace(b".", b","),
            data * 500,
            data.replace(b"\n", b""),
        ))  # fmt: skip
    lines = data.decode("utf-8", "replace").split("\n")
    n, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.randrange(7)
    if what == 0:
        del lines[n]
    elif what == 1:
        lines.insert(other, lines[n])
    elif what == 2:
        lines[n], lines[other] = lines[other], lines[n]
    else:
        words = lines[n].split(" ")
        k = rng.randrange(len(words))
        words[k] = rng.choice(
            (*_WORDS, words[k] + rng.choice(_WORDS), words[k][:-1], rng.choice(lines[other].split(" ")))
        )
        lines[n] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def of_npy(data: bytes, rng: random.Random) -> bytes:
    """Change what a header says of shape, order or dtype; the numbers stay."""
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size].decode("latin-1")
    swaps = (
        ("(", f"({rng.choice((-1, 0, 3, 2**31, 2**63, 10**30))}, "),
        ("False", "True"), ("<f4", "<f8"), ("<f4", "|O"), ("<f4", "<U9"), ("<f4", "<c8"), ("<f4", "<M8[s]"),
        ("<f4", ">f4"), ("<f4", "|V0"), ("<f4", "<f2"), ("<f4", "<i8"), ("}", "}" * 3), ("{", "[" * 300),
        ("<f8", "<f4"),        ("'shape'", "'shap'"), ("'", '"'),
    )  # fmt: skip
    old, new = rng.choice(swaps)
    made = header.replace(old, new, 1).rstrip().encode("latin-1") + b"\n"
    return data[:8] + len(made).to_bytes(2, "little") + made + data[10 + size :]


def of_safetensors(data: bytes, rng: random.Random) -> bytes:
    """Change one place of the header, also inside a description that stands there as text."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    inner = header.get("__metadata__", {})
    key = next((one for one in inner if inner[one][:1] == "{"), None) if isinstance(inner, dict) else None
    if key is not None and rng.random() < 0.7:
        inner[key] = json.dumps(of_value(json.loads(inner[key]), rng))
    else:
        header = of_value(header, rng)
    made = json.dumps(header).encode()
    return len(made).to_bytes(8, "little") + made + data[8 + size :]


def of_zip(data: bytes, rng: random.Random) -> bytes:
    """Change, drop, double, rename or blow up one member."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    n = rng.randrange(len(members))
    name, content = members[n]
    what = rng.randrange(8)
    if what == 0:
        del members[n]
    elif what == 1:
        members.append((name, content))
    elif what == 2:
        members[n] = (rng.choice((f"../{name}", name + "x", "\x1b[2J.npy", name.upper(), "a/" * 200 + name)), content)
    elif what == 3 and rng.random() < 0.2:
        members[n] = (name, content + bytes(rng.choice((10**6, 30 * 10**6))))
    else:
        members[n] = (name, mutated(content, rng) if content else b"\x80")
    made, packed = io.BytesIO(), rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w") as archive:
        warnings.simplefilter("ignore")  # about a name that stands there twice
        for one, bytes_of in members:
            archive.writestr(zipfile.ZipInfo(one), bytes_of, packed)  # dated 1980, as a seed asks
    return made.getvalue()


def of_pickle(data: bytes, rng: random.Random) -> bytes:
    """Drop, double, swap or change an opcode."""
    places = [at for _, _, at in pickletools.genops(data) if at is not None]
    ops = [data[a:b] for a, b in zip(places, [*places[1:], None], strict=True)]
    n, other = rng.randrange(len(ops)), rng.randrange(len(ops))
    what = rng.randrange(5)
    if what == 0:
        del ops[n]
    elif what == 1:
        ops.insert(n, ops[other])
    elif what == 2:
        ops[n], ops[other] = ops[other], ops[n]
    elif what == 3:
        ops[n] = rng.choice((
            b"N", b"}", b"]", b")", b"K\xff", b"J\xff\xff\xff\x7f", b"R", b"b", b"0", b"h\x00", b"\x88",
            b"cos\nsystem\n", b"G\x7f\xf0" + bytes(6), b"\x8a\xff" + b"\x7f" * 255,
        ))  # fmt: skip
    else:
        ops[n] = of_bytes(ops[n], rng)
    return b"".join(ops)


def of_h5(data: bytes, rng: random.Random) -> bytes:
    """Drop or replace a dataset or an attribute, or change a description that stands in one."""
    import h5py
    import numpy as np

    file_bytes = io.BytesIO(data)
    with h5py.File(file_bytes, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names) if names else "/"
        one = file[name]
        attributes = [(holder, key) for holder in (file, one) for key in holder.attrs]
        if attributes and rng.random() < 0.5:
            holder, key = rng.choice(attributes)
            was = holder.attrs[key]
            if isinstance(was, str) and was[:1] == "{":
                holder.attrs[key] = json.dumps(of_value(json.loads(was), rng))
            else:
                holder.attrs[key] = rng.choice((b"\xff", "\x1b[2J", 0, -1, np.zeros((0, 3)), np.float64("nan")))
        elif isinstance(one, h5py.Dataset):
            array, parent = one[()], one.parent
            last = name.rpartition("/")[2]
            del file[name]
            made = rng.choice((
                None, np.zeros(0), np.float32(3), np.zeros((3, 0)), np.array([b"x"]), np.asarray(array).T,
                np.stack([array, array]), np.asarray(array).astype("i8"), np.full(np.shape(array), np.nan),
                np.asarray(array, "c8"),
            ))  # fmt: skip
            if made is not None:
                parent[last] = made
        else:
            file[f"{name}/more"] = h5py.SoftLink("/") if rng.random() < 0.5 else h5py.ExternalLink("/etc/passwd", "/")
    return file_bytes.getvalue()


def of_onnx(data: bytes, rng: random.Random) -> bytes:
    """Drop, double or change one field of one message of a model."""
    import onnx

    model = onnx.ModelProto.FromString(data)
    message: Any = model.graph if rng.random() < 0.9 else model
    while True:
        fields = message.ListFields()
        inner = [(field, value) for field, value in fields if field.message_type is not None]
        if not inner or rng.random() < 0.25:
            break
        field, value = rng.choice(inner)
        many = not hasattr(value, "ListFields")
        if many and rng.random() < 0.2:
            n = rng.randrange(len(value))
            if rng.random() < 0.5:
                del value[n]
            else:
                value.add().CopyFrom(value[n])
            return bytes(model.SerializeToString())
        message = rng.choice(list(value)) if many else value
    if not fields:
        return of_bytes(data, rng)
    field, value = rng.choice(fields)
    if rng.random() < 0.3:
        message.ClearField(field.name)
        return bytes(model.SerializeToString())
    many = isinstance(value, (list,)) or (not isinstance(value, (str, bytes, int, float)) and hasattr(value, "append"))
    try:
        if many and field.message_type is None:
            del value[rng.randrange(len(value)) :]
            value.extend([rng.choice((0, -1, 2**31, 7))] * rng.randrange(4))
        elif isinstance(value, bytes):
            setattr(message, field.name, of_bytes(value, rng))
        elif isinstance(value, str):
            setattr(
                message, field.name, rng.choice(("", "x", "\x1b[2J", value + "_", "LSTM", "Reshape", "Cast", "Loop"))
            )
        elif isinstance(value, (int, float)):
            setattr(message, field.name, rng.choice((0, 1, -1, 2, 6, 7, 10, 2**31 - 1)))
    except (TypeError, ValueError):
        message.ClearField(field.name)
    return bytes(model.SerializeToString())
