"""The command ``:figure NAME``: a figure of experiments.toml is drawn into its file."""

from __future__ import annotations

from collections.abc import Mapping

from engine.config.schema import Figure
from engine.config.setting_choices import starting_with
from engine.text import clean, nearest
from tui.screens.actions.draw_figures import DrawingActions, figure_file
from tui.screens.actions.screen_protocol import Board
from tui.screens.command_palette.line_command import LineCommand, Meaning
from tui.views.command_palette.search import Command


class FigureCommand(LineCommand):
    """``:figure NAME``."""

    command = Command(
        "Figure: NAME of experiments.toml", ":figure", "Charts", "draw a figure of experiments.toml into images/",
        "figure", "plot export save draw paper picture png", ":figure ",
    )  # fmt: skip
    at_once = True

    def __init__(self, board: Board, drawing: DrawingActions) -> None:
        self._board = board
        self._drawing = drawing

    def _figures(self) -> Mapping[str, Figure]:
        config = self._board.snapshot.config
        return config.figures if config is not None else {}

    def offers(self, text: str) -> Mapping[str, str]:
        """Return the names of figures, each with its title."""
        figures = self._figures()
        return {name: clean(figures[name].title) for name in starting_with(text.strip(), figures)}

    def meaning(self, text: str) -> Meaning:
        """Return which figure is drawn, and where to."""
        figures, name, file = self._figures(), text.strip(), self._board.project.config
        if refusal := self._board.refusal:
            return Meaning(wrong=refusal)
        if self._board.snapshot.config_error:
            return Meaning(wrong=f"{file} has mistakes: ! says which")
        if not figures:
            return Meaning(wrong=f"{file} has no figures: tables [figures.NAME] there define them")
        if name in figures:
            says = f"draws {clean(str(figure_file(name)))} of the runs that have finished"
            return Meaning([says], do=lambda: self._drawing.draw(name))
        if not name or self.offers(text):
            return Meaning(["which figure?"], lacks="which figure?")
        return Meaning(wrong=f"there is no figure {name!r}{nearest(name, figures)}")
