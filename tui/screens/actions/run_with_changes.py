"""Run an experiment with changes, as ``engine submit --set`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens.actions.run_stop_resume import how_it_stood, refuse_row
from tui.screens.actions.target import Target

if TYPE_CHECKING:
    from tui.views.run_overrides import Variation


class OverrideActions:
    """Runs the experiment that is meant with changes."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def action_vary(self) -> None:
        """Ask for changes to the experiment under the cursor, and queue it with them."""
        target = self._target
        row, config = target.row, target.snapshot.config
        if row is None or config is None or row.experiment not in config.experiments:
            refuse_row(target)
            return

        from tui.screens.override_prompt import VariationScreen

        as_it_stood = how_it_stood(target)

        def chosen(variation: Variation | None) -> None:
            if variation is not None:
                target.do("It cannot be queued", lambda: self._queue(variation) + as_it_stood)

        target.ask(VariationScreen(config.experiments[row.experiment]), chosen)

    def _queue(self, variation: Variation) -> str:
        from engine.queue.submit import submit
        from engine.queue.worker import ensure_worker

        experiment = variation.experiment
        submit(self._target.store, experiment, variation.seeds, priority=variation.priority)
        ensure_worker(self._target.store)
        count = len(variation.seeds)
        return f"{experiment.name} is queued" + (f", {count} runs" if count > 1 else "")
