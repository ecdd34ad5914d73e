"""Splits made of image files: decoded when they are asked for, all with the colours that the training images decide."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.config.schema import Experiment
from engine.training.data.colour_conversion import UNDECIDED
from engine.training.data.image_cache import Listing, load_images
from engine.training.data.images_below_folder import printable, some
from engine.training.data.unsplit_dataset import DataError, Images, Indices, Part, Say


class ImageFiles:
    """Loads the splits of one set; the images that are loaded first decide how the colours of all are converted."""

    def __init__(self, classes: Sequence[str], experiment: Experiment, say: Say) -> None:
        self._classes = classes
        self._experiment = experiment
        self._say = say
        self._conversion = UNDECIDED

    def part(self, listing: Listing, labels: Indices, where: str) -> Part:
        """Return the split of these files.

        Args:
            listing: The files.
            labels: The class of each, (N,).
            where: What the split is called in messages.
        """

        def load(chosen: Indices) -> Images:
            names, stamps = ([each[i] for i in chosen] for each in (listing.names, listing.stamps))
            part = Listing(listing.root, names, stamps)
            experiment = self._experiment
            images = load_images(part, experiment.image_size, experiment.workers, self._say, self._conversion)
            self._conversion = images.conversion
            if images.broken:
                self._judge(part, labels[chosen], images.broken)
            return images

        return Part(labels, load, tuple(listing.names), where)

    def _judge(self, part: Listing, labels: Indices, broken: dict[int, str]) -> None:
        """Refuse images that cannot be decoded, or say that they are left out.

        Raises:
            DataError: The experiment does not allow to skip them, or nothing is left of a class.
        """
        first = list(broken.items())[:3]
        named = ", ".join(f"{printable(part.root / part.names[row])} ({reason})" for row, reason in first)
        problem = f"{len(broken)} of {len(part)} images cannot be decoded: {named}{', …' if len(broken) > 3 else ''}"
        if self._experiment.corrupt == "refuse":
            raise DataError(f'{problem}; remove or replace them, or leave them out with corrupt = "skip"')
        left = np.bincount(np.delete(labels, list(broken)), minlength=len(self._classes))
        if lost := [self._classes[label] for label in np.flatnonzero(left == 0).tolist()]:
            raise DataError(f"{problem}; nothing is left of {some(lost)}")
        self._say(f"left out: {problem}")
