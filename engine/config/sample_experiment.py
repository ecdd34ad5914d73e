"""The sample experiment that a new experiments.toml begins with."""

from __future__ import annotations

SAMPLE_EXPERIMENT = """\
[experiments."my-first"]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 4
"""
"""It trains anywhere in a minute."""
