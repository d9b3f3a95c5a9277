# SPDX-License-Identifier: Apache-2.0
"""A small writer and reader of GGUF version 3: metadata, Q8_0 and F32 tensors.

Source of the layout: ggml/docs/gguf.md. Little-endian; tensors aligned to 32 bytes.
"""
import struct

import numpy as np

ALIGNMENT = 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TYPE_F32, TYPE_Q8_0 = 0, 8
BLOCK, BLOCK_BYTES = 32, 34


def quantize_q8_0(matrix):
    """Blocks of 32: the scale max|x|/127 as float16, then int8 rounded half away from zero."""
    x = np.asarray(matrix, np.float32).reshape(-1, BLOCK)
    d = (np.abs(x).max(axis=1) / np.float32(127)).astype(np.float32)
    inverse = np.where(d > 0, np.float32(1) / np.where(d > 0, d, 1), 0).astype(np.float32)
    scaled = x * inverse[:, None]
    q = (np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))).astype(np.int8)
    out = np.empty((len(x), BLOCK_BYTES), np.uint8)
    out[:, :2] = d.astype("<f2").view(np.uint8).reshape(-1, 2)
    out[:, 2:] = q.view(np.uint8)
    return out.tobytes()


def dequantize_q8_0(data, shape):
    """The values that a reader of the file computes with."""
    blocks = np.frombuffer(data, np.uint8).reshape(-1, BLOCK_BYTES)
    d = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return (blocks[:, 2:].copy().view(np.int8).astype(np.float32) * d).reshape(shape)


def packed_string(text):
    """Length and UTF-8 bytes."""
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def packed_value(value):
    """Type number and bytes of a metadata value; lists are of strings or of int32."""
    if isinstance(value, bool):
        return BOOL, struct.pack("<B", value)
    if isinstance(value, int):
        return U32, struct.pack("<I", value)
    if isinstance(value, float):
        return F32, struct.pack("<f", value)
    if isinstance(value, str):
        return STRING, packed_string(value)
    if value and isinstance(value[0], str):
        return ARRAY, struct.pack("<IQ", STRING, len(value)) + b"".join(map(packed_string, value))
    return ARRAY, struct.pack("<IQ", I32, len(value)) + np.array(value, "<i4").tobytes()


def padding(size):
    """Zero bytes up to the next multiple of the alignment."""
    return b"\0" * (-size % ALIGNMENT)


def write(path, metadata, tensors):
    """`tensors`: list of (name, float array, type). Matrices are rows of inputs, as in torch."""
    head = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind, raw = packed_value(value)
        head.append(packed_string(key) + struct.pack("<I", kind) + raw)
    body, offset = [], 0
    for name, array, kind in tensors:
        raw = quantize_q8_0(array) if kind == TYPE_Q8_0 else np.asarray(array, "<f4").tobytes()
        dims = array.shape[::-1]
        head.append(packed_string(name) + struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
                    + struct.pack("<IQ", kind, offset))
        body.append(raw + padding(len(raw)))
        offset += len(body[-1])
    start = b"".join(head)
    with open(path, "wb") as file:
        file.write(start + padding(len(start)) + b"".join(body))


class Reader:
    """Reads a whole file: `metadata`, and `tensors` as float arrays by name."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.at = 0
        assert self.data[:4] == b"GGUF"
        self.at = 4
        version, n_tensors, n_keys = self.unpack("<IQQ")
        assert version == 3
        self.metadata = {}
        for _ in range(n_keys):
            key = self.string()
            self.metadata[key] = self.value(self.unpack("<I")[0])
        infos = [self.info() for _ in range(n_tensors)]
        base = self.at + len(padding(self.at))
        self.kinds = {name: kind for name, _, kind, _ in infos}
        self.tensors = {name: self.tensor(base + offset, dims, kind)
                        for name, dims, kind, offset in infos}

    def unpack(self, form):
        """Values at the cursor."""
        out = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return out

    def string(self):
        """A string at the cursor."""
        size = self.unpack("<Q")[0]
        self.at += size
        return self.data[self.at - size:self.at].decode("utf-8")

    def value(self, kind):
        """A metadata value at the cursor."""
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            inner, count = self.unpack("<IQ")
            return [self.value(inner) for _ in range(count)]
        value = self.unpack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<B"}[kind])[0]
        return bool(value) if kind == BOOL else value

    def info(self):
        """One entry of the tensor table."""
        name = self.string()
        dims = self.unpack(f"<{self.unpack('<I')[0]}Q")
        kind, offset = self.unpack("<IQ")
        return name, dims, kind, offset

    def tensor(self, at, dims, kind):
        """Values of one tensor, rows first."""
        count = int(np.prod(dims))
        if kind == TYPE_F32:
            return np.frombuffer(self.data, "<f4", count, at).reshape(dims[::-1])
        size = count // BLOCK * BLOCK_BYTES
        return dequantize_q8_0(self.data[at:at + size], dims[::-1])
