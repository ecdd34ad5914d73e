"""Run an experiment with changes, as ``engine submit --set`` does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tui.screens.actions.runs import Doing

if TYPE_CHECKING:
    from tui.views.run_overrides import Variation


class Varying(Doing):
    """A screen on which the experiment that is meant can be run with changes."""

    def action_vary(self) -> None:
        """Ask for changes to the experiment under the cursor, and queue it with them."""
        row, config = self.row, self.snapshot.config
        if row is None or config is None or row.experiment not in config.experiments:
            self._refuse_row()
            return

        from tui.screens.override_prompt import VariationScreen

        as_it_stood = self._as_it_stood()

        def chosen(variation: Variation | None) -> None:
            if variation is not None:
                self._do("It cannot be queued", lambda: self._queue(variation) + as_it_stood)

        self.app.push_screen(VariationScreen(config.experiments[row.experiment]), chosen)

    def _queue(self, variation: Variation) -> str:
        from engine.queue.worker import ensure_worker
        from engine.runs.queue_entry import Ticket

        experiment = variation.experiment
        for seed in variation.seeds:
            place = Ticket(
                submitted=time.time(), gpus=experiment.gpus, priority=variation.priority, attempts=0
            )
            self.store.create(experiment, seed, place=place)
        ensure_worker(self.store)
        count = len(variation.seeds)
        return f"{experiment.name} is queued" + (f", {count} runs" if count > 1 else "")
