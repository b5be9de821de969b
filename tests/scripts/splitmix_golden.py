"""Random numbers that runs, fresh weights and bootstraps depend on, computed in another language.

The constants of the tests in core/src/random.rs, model/dropout.rs, train/seed.rs, checkpoint/fresh.rs and
breakdown/statistics.rs: `python3 splitmix_golden.py` prints them.
"""

import math
import struct

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + GOLDEN) & MASK
        return mix(self.state)

    def symmetric(self):
        return (self.next() >> 11) / 2.0**52 - 1.0


def first(seed):
    return mix((seed + GOLDEN) & MASK)


def fnv1a(name):
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    return state


def dropout_seed(seed, epoch, position):
    state = first(seed)
    for word in (epoch, position):
        state = first(state ^ first(word))
    return state


def normals(name, seed, count):
    """Marsaglia's polar method; the logarithm may differ from ours in its last bit, which single precision rounds off."""
    random = SplitMix(fnv1a(name) ^ mix(seed))
    values = []
    while len(values) < count:
        x, y = random.symmetric(), random.symmetric()
        square = x * x + y * y
        if 0.0 < square < 1.0:
            scale = math.sqrt(-2.0 * math.log(square) / square)
            values += [x * scale, y * scale]
    return values[:count]


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


random = SplitMix(7)
print("BELOW_10", [random.next() % 10 for _ in range(6)])
random, items = SplitMix(3), list(range(8))
for last in range(7, 0, -1):
    other = random.next() % (last + 1)
    items[last], items[other] = items[other], items[last]
print("SHUFFLED", items)
print("SYMMETRIC", repr(SplitMix(9).symmetric()))
print("dropout sites of seed 1", [hex(first(1 ^ (site * 0xD1B54A32D192ED03 & MASK))) for site in (1, 2)])
print("dropout_seed(42, 3, 2)", hex(dropout_seed(42, 3, 2)))
print("fresh_tensor", [repr(single(value * 0.02)) for value in normals("a.weight", 1, 3)])
values = [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]
sums = []
for replicate in range(3):
    draws = [mix((7 + (replicate * 10 + draw + 1) * GOLDEN) & MASK) for draw in range(10)]
    sums.append(sum(values[((bits >> 32) * 10) >> 32] for bits in draws))
print("bootstrap_sums", sums)
