"""The whole project at work on simulated runs: `runs-assets demo`."""
