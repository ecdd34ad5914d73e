"""Colours become 8 bits of RGB without losing what an image shows; what a set decides, it decides by all its images."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.training.data.colour_conversion import (
    UNDECIDED,
    Conversion,
    background_of,
    float_range,
    integer_range,
)
from engine.training.data.image_cache import Listing, load_images
from engine.training.data.image_decoder import UPRIGHT
from engine.training.data.images_below_folder import stamp_of
from engine.training.data.unsplit_dataset import ignore


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))


def load(home, given=UNDECIDED, image_size=32):
    files = sorted(home.iterdir())
    listing = Listing(home, [file.name for file in files], [stamp_of(file) for file in files])
    return load_images(listing, image_size, 0, ignore, given)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def drawing(colour, size=8):
    """An image whose left half is drawn in a grey level, and whose right half is transparent."""
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[:, : size // 2] = (colour, colour, colour, 255)
    return Image.fromarray(pixels)


class TestTransparent:
    @pytest.mark.parametrize(("colour", "below"), [(0, 255), (100, 255), (255, 0), (240, 0)])
    def test_is_drawn_on_what_it_is_seen_on(self, home, colour, below):
        for i in range(3):
            drawing(colour).save(home / f"{i}.png")
        images = load(home)
        assert np.unique(images.pixels[..., :4]).tolist() == [colour]
        assert np.unique(images.pixels[..., 4:]).tolist() == [below]
        assert images.notes == (f"3 images with transparent parts, drawn on {'white' if below else 'black'}",)

    def test_black_and_white_drawings_are_both_seen(self, home):
        for i in range(4):
            drawing(255 * (i % 2)).save(home / f"{i}.png")
        assert np.unique(load(home).pixels[..., 4:]).tolist() == [128]

    @pytest.mark.parametrize("mode", ["LA", "P"])
    def test_in_other_modes(self, home, mode):
        image = drawing(0)
        (image.convert("LA") if mode == "LA" else image.quantize(4)).save(home / "0.png")
        pixels = load(home).pixels
        assert (pixels[..., :3] < 8).all()
        assert (pixels[..., 5:] > 247).all()

    def test_a_colour_that_counts_as_transparent(self, home):
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[:, 4:] = (1, 2, 3)
        Image.fromarray(pixels).save(home / "0.png", transparency=(1, 2, 3))
        assert load(home).pixels[0, :, 0, 4].tolist() == [255] * 3

    def test_nothing_drawn_is_told(self, home):
        Image.new("RGBA", (8, 8)).save(home / "0.png")
        images = load(home)
        assert (images.pixels == 255).all()
        assert "(1 of them show nothing)" in images.notes[0]

    def test_opaque_alpha_changes_nothing(self, home):
        Image.new("RGBA", (8, 8), (9, 8, 7, 255)).save(home / "0.png")
        images = load(home)
        assert images.pixels[0, :, 0, 0].tolist() == [9, 8, 7]
        assert images.notes == ()

    def test_another_split_takes_what_the_first_decided(self, home):
        drawing(0).save(home / "0.png")
        assert np.unique(load(home, Conversion(background=0)).pixels).tolist() == [0]
        assert np.unique(load(home).pixels).tolist() == [0, 255]

    @given(st.lists(st.integers(0, 255), min_size=1, max_size=30))
    def test_there_is_always_a_background(self, drawn):
        assert background_of(drawn) in (255, 0, 128)
        if max(drawn) < 192:
            assert background_of(drawn) == 255


class TestMoreThan8Bits:
    @pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16])
    def test_as_many_as_the_set_has(self, home, bits):
        top = 2**bits - 1
        ramp = np.linspace(0, top, 64).astype(np.uint16).reshape(8, 8)
        Image.fromarray(ramp).save(home / "0.png")
        Image.fromarray(ramp // 2).save(home / "1.png")
        images = load(home)
        assert np.array_equal(images.pixels[0, 0], ramp >> (bits - 8))
        assert np.array_equal(images.pixels[1, 0], (ramp // 2) >> (bits - 8))
        assert images.notes == (f"2 images of more than 8 bits, scaled from {bits} bits",)

    @pytest.mark.parametrize("mode", ["RGB", "RGBA"])
    def test_in_colours(self, home, mode):
        values = np.arange(8 * 8 * 3).reshape(8, 8, 3).astype(np.uint16) * 20
        alpha = np.full((8, 8, len(mode) - 3), 65535, np.uint16)
        (home / "0.png").write_bytes(png_of_16_bits(np.concatenate([values, alpha], -1)))
        images = load(home)
        assert np.array_equal(images.pixels[0].transpose(1, 2, 0), values >> 4)
        full = np.arange(8 * 8 * 3).reshape(8, 8, 3).astype(np.uint16) * 340
        (home / "1.png").write_bytes(png_of_16_bits(full))
        both = load(home).pixels.transpose(0, 2, 3, 1)
        assert np.array_equal(both[0], values >> 8)
        assert np.array_equal(both[1], full >> 8)

    def test_values_below_zero_and_floats(self, home):
        Image.fromarray(np.array([[-1000, 3000]] * 2, np.int32)).save(home / "0.tif")
        assert load(home).pixels[0, 0, 0].tolist() == [0, 255]
        (home / "0.tif").unlink()
        for i, top in enumerate((1.0, 0.5)):
            Image.fromarray(np.array([[0, top], [np.nan, top / 2]], np.float32)).save(home / f"{i}.tif")
        assert load(home).pixels[:, 0].reshape(2, 4).tolist() == [[0, 255, 0, 128], [0, 128, 0, 64]]

    def test_brighter_ones_in_another_split_are_told(self, home):
        Image.fromarray(np.full((8, 8), 8000, np.uint16)).save(home / "0.png")
        images = load(home, Conversion(integers=(0, 4095)))
        assert np.unique(images.pixels).tolist() == [255]
        assert "were cut off" in images.notes[1]

    @given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1))
    def test_a_range_holds_what_there_is(self, one, other):
        low, high = integer_range(min(one, other), max(one, other))
        assert low <= min(one, other) <= max(one, other) <= high
        low, high = float_range(min(one, other) / 7, max(one, other) / 7)
        assert low <= min(one, other) / 7 <= max(one, other) / 7 <= high
        assert low < high


def png_of_16_bits(values):
    """Return a PNG of (H, W, C) uint16 pixels."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


class TestOrientation:
    @pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
    @pytest.mark.parametrize("value", [1, 3, 6, 8, 5])
    def test_images_stand_upright(self, home, suffix, value):
        upright = np.zeros((16, 16, 3), np.uint8)
        upright[:8, :8] = 240
        back = {3: 3, 6: 8, 8: 6, 5: 5}
        image = Image.fromarray(upright)
        stored = image.transpose(UPRIGHT[back[value]]) if value != 1 else image
        exif = Image.Exif()
        exif[0x0112] = value
        stored.save(
            home / f"x.{suffix}",
            exif=exif.tobytes(),
            **({"quality": 95} if suffix in ("jpg", "webp") else {}),
        )
        images = load(home)
        assert abs(images.pixels[0, 0].astype(int) - upright[..., 0]).max() < 30
        assert bool(images.notes) == (value != 1 and suffix != "tif")

    @pytest.mark.filterwarnings("ignore")  # what Pillow says of it
    def test_damaged_exif_is_no_damaged_image(self, home):
        Image.new("RGB", (8, 8), (200, 0, 0)).save(home / "0.jpg", exif=b"Exif\0\0MM\0*\0\0\xff\xff\0\0")
        assert load(home).broken == {}


def test_a_set_that_decides_late_keeps_every_pixel_and_checksum(home):
    """Of 150 images the last is the brightest: those before are decoded once more, and their checksums with them."""
    for i in range(150):
        Image.fromarray(np.full((8, 8), 16 * i + 15, np.uint16)).save(home / f"{i:03}.png")
    first, again = load(home), load(home)
    assert first.pixels[:, 0, 0, 0].tolist() == [(16 * i + 15) >> 4 for i in range(150)]
    assert np.array_equal(first.pixels, again.pixels)
    assert [zlib.crc32(row.tobytes()) for row in again.pixels] == again.checksums.tolist()
