"""Prints the golden bytes of core/src/run/tensorboard.rs, built another way: bitwise CRC, struct packing."""

import struct


def crc32c(data: bytes) -> int:
    """Castagnoli CRC, one bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            lowest = (crc ^ (byte >> bit)) & 1
            crc >>= 1
            if lowest:
                crc ^= 0x82F63B78
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    """TensorFlow's mask: rotated right by 15 and offset."""
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32)


def record(data: bytes) -> bytes:
    """A TFRecord."""
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(value: int) -> bytes:
    """Seven bits a byte, lowest first."""
    groups = []
    while True:
        groups.append(value % 128)
        value //= 128
        if not value:
            break
    return bytes([group + 128 for group in groups[:-1]] + groups[-1:])


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number * 8 + 2) + varint(len(content)) + content


version = b"\x09" + struct.pack("<d", 1700000000.5) + field(3, b"brain.Event:2")
values = b"".join(
    field(1, field(1, tag) + b"\x15" + struct.pack("<f", value))
    for tag, value in [(b"train/loss", 2.5), (b"train/learning_rate", 2e-5)]
)
scalars = b"\x09" + struct.pack("<d", 1700000001.25) + b"\x10" + varint(25311) + field(5, values)

if __name__ == "__main__":
    print(record(version).hex())
    print(record(scalars).hex())
