"""A test split cut off the images that there are, where a dataset comes without one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import numpy as np

from engine.training.data.unsplit_dataset import DataError, Images, Indices, Part


def cut_test(whole: Part, share: float, classes: Sequence[str]) -> tuple[Part, Part]:
    """Return the part to train on and the part to test on: of every class its share, at least one image of each.

    Images are drawn by a digest of their names: by nothing else, so that every seed and every machine tests on the same
    ones, and an image that is added moves few of the others.

    Args:
        whole: The images, which have names.
        share: The part of each class to test on.
        classes: The names of the classes.

    Raises:
        DataError: A class has fewer than two images.
    """
    order = np.array([hashlib.sha256(os.fsencode(name)).digest()[:8] for name in whole.names])
    tested = []
    for label, name in enumerate(classes):
        members = np.flatnonzero(whole.labels == label)
        if len(members) < 2:
            raise DataError(
                f"class {name} has {len(members)} image{'s' * (len(members) != 1)}: too few to cut off a test split"
            )
        count = min(len(members) - 1, max(1, round(share * len(members))))
        tested.append(members[np.argsort(order[members], kind="stable")[:count]])
    test = np.sort(np.concatenate(tested))
    return _taken(whole, np.setdiff1d(np.arange(len(whole.labels)), test)), _taken(whole, test)


def _taken(whole: Part, rows: Indices) -> Part:
    """Return a part of a part."""

    def load(chosen: Indices) -> Images:
        return whole.load(rows[chosen])

    return Part(whole.labels[rows], load, tuple(whole.names[i] for i in rows), whole.where)
