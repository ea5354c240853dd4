"""Both platforms' APIs on this machine, with made-up runs: for tests, and to see the project work.

Why it exists: neither vendor offers a place to try, and what goes wrong with these APIs (ties, drift, late
changes) has to be shown to a real client over real HTTP. It implements what the vendors document and nothing
of their internals; where they are silent, the choice is the strictest one.
"""

from runs_assets.sandbox.clock import FrozenClock
from runs_assets.sandbox.cloudcruise import CloudCruise
from runs_assets.sandbox.cloudcruise_runs import simulated_cloudcruise
from runs_assets.sandbox.history import FixedHistory, History, Row
from runs_assets.sandbox.productsup import Productsup
from runs_assets.sandbox.productsup_runs import simulated_productsup
from runs_assets.sandbox.server import Hook, RecordedRequest, Sandbox
from runs_assets.sandbox.simulation import SimulatedHistory, Truth

__all__ = [
    "CloudCruise",
    "FixedHistory",
    "FrozenClock",
    "History",
    "Hook",
    "Productsup",
    "RecordedRequest",
    "Row",
    "Sandbox",
    "SimulatedHistory",
    "Truth",
    "simulated_cloudcruise",
    "simulated_productsup",
]
