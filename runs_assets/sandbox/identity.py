"""Ids that nobody can mistake for real ones: every UUID of the sandbox ends in `5a4db0c5`."""

from datetime import datetime
from random import Random
from uuid import NAMESPACE_OID, UUID, uuid5

TAG = "5a4db0c5"


def named_id(name: str) -> str:
    """Return the one id of a thing that has a name, the same on every machine."""
    return _tagged(uuid5(NAMESPACE_OID, f"runs_assets.sandbox/{name}"))


def random_id(rng: Random) -> str:
    """Return an id like UUID version 4."""
    return _tagged(UUID(int=rng.getrandbits(128), version=4))


def ordered_id(created_at: datetime, index: int, rng: Random) -> str:
    """Return an id like UUID version 7: it sorts by creation time, then by `index` (0 to 2**26 - 1)."""
    milliseconds = int(created_at.timestamp() * 1000)
    # 48 bits of time, the version, 12 bits of counter, the variant, 14 bits of counter, 48 bits of chance
    value = milliseconds << 80 | 0x7 << 76 | (index >> 14) << 64 | 0b10 << 62 | (index & 0x3FFF) << 48
    return _tagged(UUID(int=value | rng.getrandbits(48)))


def _tagged(uuid: UUID) -> str:
    return str(uuid)[: -len(TAG)] + TAG
