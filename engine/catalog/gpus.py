"""How many operations a second a GPU can do at most: what MFU is a share of.

The numbers are NVIDIA's, from datasheets and architecture whitepapers: dense (without sparsity), by tensor cores, with
sums in float32, which GeForce cards do at half the speed of their siblings. A card is found by its whole name, so that
an RTX A1000 is no A100 and an A10G no A10; a laptop's card, a slice (MIG) and a virtual GPU have other limits than the
card whose name they bear, and are not listed.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

TensorPrecision = Literal["bf16", "fp16", "tf32"]


class Peak(NamedTuple):
    """Dense operations a second, in units of 10^12; None where a card cannot, or its datasheet does not say."""

    bf16: float | None
    fp16: float | None
    tf32: float | None


PEAKS = {
    "GB200": Peak(2500, 2500, 1250), "B200": Peak(2250, 2250, 1125),
    "GH200": Peak(989, 989, 494), "H200": Peak(989, 989, 494), "H200 NVL": Peak(835, 835, 418),
    "H100": Peak(989, 989, 494), "H100 SXM5": Peak(989, 989, 494), "H100 NVL": Peak(835, 835, 418),
    "H100 PCIE": Peak(756, 756, 378), "H800": Peak(989, 989, 494), "H20": Peak(148, 148, 74),
    "A100 SXM4": Peak(312, 312, 156), "A100 PCIE": Peak(312, 312, 156), "A100 PG509 200": Peak(312, 312, 156),
    "A800 SXM4": Peak(312, 312, 156), "A800 PCIE": Peak(312, 312, 156),
    "A40": Peak(150, 150, 75), "A30": Peak(165, 165, 82), "A10": Peak(125, 125, 62.5), "A10G": Peak(70, 70, 35),
    "A2": Peak(18, 18, 9), "L40S": Peak(362, 362, 183), "L40": Peak(181, 181, 90.5), "L4": Peak(121, 121, 60),
    "RTX 6000 ADA GENERATION": Peak(364, 364, 182), "RTX 5000 ADA GENERATION": Peak(261, 261, 131),
    "RTX A6000": Peak(155, 155, 77), "RTX A5000": Peak(111, 111, 56), "RTX A4500": Peak(95, 95, 47),
    "RTX A4000": Peak(77, 77, 38), "RTX A2000": Peak(32, 32, 16), "RTX A1000": Peak(27, 27, 13.5),
    "RTX A400": Peak(10.8, 10.8, 5.4),
    "RTX 5090": Peak(210, 210, 105), "RTX 5080": Peak(113, 113, 56), "RTX 5070 TI": Peak(88, 88, 44),
    "RTX 5070": Peak(62, 62, 31),
    "RTX 4090": Peak(165, 165, 83), "RTX 4080": Peak(97.5, 97.5, 49), "RTX 4070 TI": Peak(80, 80, 40),
    "RTX 3090 TI": Peak(80, 80, 40), "RTX 3090": Peak(71, 71, 36), "RTX 3080 TI": Peak(68, 68, 34),
    "RTX 3080": Peak(60, 60, 30), "RTX 3070": Peak(41, 41, 20),
    "V100 SXM2": Peak(None, 125, None), "V100 SXM3": Peak(None, 125, None), "V100 PCIE": Peak(None, 112, None),
    "V100S PCIE": Peak(None, 130, None), "T4": Peak(None, 65, None), "RTX 2080 TI": Peak(None, 54, None),
}  # fmt: skip
"""By the card's name without its maker, its series and its memory."""

_BESIDE = re.compile(r"NVIDIA|TESLA|GEFORCE|GRAPHICS|DEVICE|\d+GB?|HBM\d\w?")
"""Words of a card's name that say nothing of its speed."""


def peak_flops(card: str, precision: TensorPrecision = "bf16") -> float | None:
    """Return a card's peak in operations a second, None for a card that is not listed or cannot.

    Args:
        card: Its name, as CUDA and NVML tell it: ``NVIDIA A100-SXM4-80GB``, ``Tesla T4``.
        precision: Of the numbers that are multiplied.
    """
    words = re.split(r"[\s-]+", card.upper().strip())
    peak = PEAKS.get(" ".join(word for word in words if not _BESIDE.fullmatch(word)))
    teraflops: float | None = getattr(peak, precision, None)
    return None if teraflops is None else teraflops * 1e12
