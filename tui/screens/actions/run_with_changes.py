"""Run an experiment with changes, as ``engine submit --set`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens.actions.queue_experiments import how_it_stood, refuse_row
from tui.screens.actions.target import Target
from tui.state.messages import Queued

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

        from tui.screens.actions.submit_runs import site_used_last, submit_runs
        from tui.screens.override_prompt import VariationScreen
        from tui.views.run_destination import newest_run
        from tui.views.run_overrides import HERE

        as_it_stood = how_it_stood(target)
        newest = newest_run(target.snapshot, row.experiment)
        usual = newest.on if newest is not None and newest.on else HERE

        def queue(variation: Variation) -> str:
            said = variation.on is not None
            site = variation.site if said else site_used_last(target.store, newest, config.sites)
            ids, odd = submit_runs(
                target.store, variation.experiment, variation.seeds, site, config.path, variation.priority
            )
            if variation.experiment != config.experiments[row.experiment]:
                target.report(Queued(ids[0], row.folds))
            place = f" on {site.name}" if site is not None else ""
            count = f", {len(ids)} runs" if len(ids) > 1 else ""
            return f"{variation.experiment.name} is queued{place}{count}{odd}{as_it_stood}"

        def chosen(variation: Variation | None) -> None:
            if variation is not None:
                target.do("It cannot be queued", lambda: queue(variation))

        screen = VariationScreen(
            config.experiments[row.experiment], config.sites, [*target.snapshot.destinations], usual
        )
        target.ask(screen, chosen)
