"""A card is known by its whole name: a name that only looks like another is none."""

from __future__ import annotations

import pytest

from engine.catalog.gpus import PEAKS, peak_flops

# (name as CUDA tells it, dense bf16, fp16 and TF32 in TFLOP/s by NVIDIA's datasheets)
CARDS = [
    ("NVIDIA B200", 2250, 2250, 1125),
    ("NVIDIA GH200 480GB", 989, 989, 494),
    ("NVIDIA H200", 989, 989, 494),
    ("NVIDIA H200 NVL", 835, 835, 418),
    ("NVIDIA H100 80GB HBM3", 989, 989, 494),
    ("NVIDIA H100 PCIe", 756, 756, 378),
    ("NVIDIA H100 NVL", 835, 835, 418),
    ("NVIDIA A100-SXM4-40GB", 312, 312, 156),
    ("NVIDIA A100-SXM4-80GB", 312, 312, 156),
    ("NVIDIA A100 80GB PCIe", 312, 312, 156),
    ("A100-PCIE-40GB", 312, 312, 156),
    ("NVIDIA A40", 150, 150, 75),
    ("NVIDIA A30", 165, 165, 82),
    ("NVIDIA A10", 125, 125, 62.5),
    ("NVIDIA A10G", 70, 70, 35),
    ("NVIDIA L40S", 362, 362, 183),
    ("NVIDIA L40", 181, 181, 90.5),
    ("NVIDIA L4", 121, 121, 60),
    ("NVIDIA RTX 6000 Ada Generation", 364, 364, 182),
    ("NVIDIA RTX A6000", 155, 155, 77),
    ("NVIDIA RTX A4000", 77, 77, 38),
    ("NVIDIA RTX A1000", 27, 27, 13.5),
    ("NVIDIA RTX A400", 10.8, 10.8, 5.4),
    ("NVIDIA GeForce RTX 5090", 210, 210, 105),
    ("NVIDIA GeForce RTX 4090", 165, 165, 83),
    ("NVIDIA GeForce RTX 3090", 71, 71, 36),
    ("NVIDIA GeForce RTX 3090 Ti", 80, 80, 40),
    ("Tesla V100-SXM2-32GB", None, 125, None),
    ("Tesla V100-PCIE-16GB", None, 112, None),
    ("Tesla T4", None, 65, None),
    ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", None, None, None),
    ("NVIDIA H100 80GB HBM3 MIG 3g.40gb", None, None, None),
    ("NVIDIA GeForce RTX 4090 Laptop GPU", None, None, None),
    ("NVIDIA GeForce RTX 4090 D", None, None, None),
    ("NVIDIA RTX A1000 Laptop GPU", None, None, None),
    ("NVIDIA A40-48Q", None, None, None),
    ("NVIDIA A100X", None, None, None),
    ("NVIDIA GB10", None, None, None),
    ("Orin (nvgpu)", None, None, None),
    ("AMD Instinct MI300X", None, None, None),
    ("GeForce 256", None, None, None),
    ("", None, None, None),
]


@pytest.mark.parametrize(("card", "bf16", "fp16", "tf32"), CARDS)
def test_a_card_has_the_peak_of_its_datasheet_and_no_others(card, bf16, fp16, tf32):
    found = [peak_flops(card), peak_flops(card, "fp16"), peak_flops(card, "tf32")]
    assert found == [None if value is None else value * 1e12 for value in (bf16, fp16, tf32)]


def test_every_card_of_the_table_is_found_by_its_own_name_and_is_slower_in_more_exact_numbers():
    for name, peak in PEAKS.items():
        assert peak_flops(f"NVIDIA {name}", "fp16") == peak.fp16 * 1e12
        assert peak.bf16 in (None, peak.fp16)
        assert peak.tf32 is None or peak.tf32 == pytest.approx(peak.fp16 / 2, rel=0.03)
