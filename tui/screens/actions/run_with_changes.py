"""Run an experiment with changes, as ``engine submit --set`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens.actions.queue_experiments import ExperimentActions, refuse_row
from tui.screens.actions.screen_protocol import Target

if TYPE_CHECKING:
    from tui.views.run_overrides import Variation


class OverrideActions:
    """Runs the experiment that is meant with changes.

    Args:
        target: The screen that it is meant on.
        experiments: What queues experiments there.
    """

    def __init__(self, target: Target, experiments: ExperimentActions) -> None:
        self._target = target
        self._experiments = experiments

    def action_vary(self) -> None:
        """Ask for changes to the experiment under the cursor, and queue it with them."""
        target = self._target
        row, config = target.row, target.snapshot.config
        if row is None or config is None or row.experiment not in config.experiments:
            refuse_row(target)
            return

        from tui.screens.override_prompt import VariationScreen
        from tui.views.run_destination import usual_place

        def chosen(variation: Variation | None) -> None:
            if variation is not None:
                self._experiments.queue(variation, row.folds)

        screen = VariationScreen(
            config.experiments[row.experiment], config.sites, [*target.snapshot.destinations],
            usual_place(target.snapshot, row.experiment),
        )  # fmt: skip
        target.ask(screen, chosen)
