"""Just enough of GGUF to spoil a file at a known place."""
import struct

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


class Gguf:
    """The bytes of a file, and where its keys, values and tensor entries lie."""

    def __init__(self, path):
        self.data = path if isinstance(path, bytearray) else bytearray(open(path, "rb").read())
        self.at = 24
        self.keys = {}  # name -> (offset of the name's length, value type, offset of the value)
        self.tensors = {}  # name -> {name, rank, dims, type, place: offsets; dims_values, offset_value}
        for _ in range(self.u64(16)):
            start, name, kind = self.at, self.string(), self.u32()
            self.keys[name] = (start, kind, self.at)
            self.skip(kind)
        self.keys_end = self.at
        for _ in range(self.u64(8)):
            self.tensor()
        self.end = self.at
        self.align = self.value("general.alignment", 32)
        self.base = (self.end + self.align - 1) // self.align * self.align

    def u32(self, at=None):
        value = struct.unpack_from("<I", self.data, self.at if at is None else at)[0]
        self.at += 4 if at is None else 0
        return value

    def u64(self, at=None):
        value = struct.unpack_from("<Q", self.data, self.at if at is None else at)[0]
        self.at += 8 if at is None else 0
        return value

    def string(self):
        size = self.u64()
        text = self.data[self.at:self.at + size].decode(errors="replace")
        self.at += size
        return text

    def skip(self, kind):
        if kind == STRING:
            self.string()
        elif kind == ARRAY:
            element, count = self.u32(), self.u64()
            for _ in range(count):
                self.skip(element)
        else:
            self.at += SIZES[kind]

    def tensor(self):
        entry = {"name": self.at}
        name = self.string()
        entry["rank"] = self.at
        rank = self.u32()
        entry["dims"] = self.at
        entry["shape"] = [self.u64() for _ in range(rank)]
        entry["type"] = self.at
        self.u32()
        entry["place"] = self.at
        entry["offset"] = self.u64()
        self.tensors[name] = entry

    def value(self, key, default):
        return self.u32(self.keys[key][2]) if key in self.keys else default

    def put(self, form, at, value):
        struct.pack_into("<" + form, self.data, at, value)
        return self

    def rename(self, at, new):
        """Replaces the string whose length is at |at| by one of the same length."""
        text = new.encode()
        assert self.u64(at) == len(text), (self.u64(at), new)
        self.data[at + 8:at + 8 + len(text)] = text
        return self

    def add_key(self, key, kind, value):
        """One more key with the value's bytes; places known before are those of the old file."""
        entry = struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + value
        header = self.data[:self.keys_end] + entry + self.data[self.keys_end:self.end]
        self.put("Q", 16, self.u64(16) + 1)
        header[16:24] = self.data[16:24]
        self.data = header + bytes(-len(header) % self.align) + self.data[self.base:]
        return self

    def drop_key(self, key):
        """Takes a key out; the file is read anew."""
        start, kind, self.at = self.keys[key]
        self.skip(kind)
        header = self.data[:start] + self.data[self.at:self.end]
        header[16:24] = struct.pack("<Q", self.u64(16) - 1)
        return Gguf(header + bytes(-len(header) % self.align) + self.data[self.base:])

    def string_value(self, key, new):
        return self.rename(self.keys[key][2], new)

    def start(self, name):
        """Offset of a tensor's data in the file."""
        return self.base + self.tensors[name]["offset"]

    def save(self, path, size=None):
        open(path, "wb").write(self.data[:size])
        return path
