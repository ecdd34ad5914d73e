"""The rows of a table as records: its heading, repeated headings, comments, and rows that do not fit."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

from engine.exchange.log_files.cells import NUMERIC, Says, read_cell
from engine.exchange.log_files.records import Record, listed
from engine.exchange.log_files.step_and_epoch_columns import may_place
from engine.exchange.log_files.table_layout import RULE, SAMPLE, Layout, column_name, find_layout, split
from engine.exchange.log_files.unpacked_lines import TextLines
from engine.exchange.optional_packages import ExchangeError

MOST_JOINED = 50
"""Lines that a cell in quotes may go on for."""
WIDEST = 20_000
"""Columns beyond which a table is refused."""


class TableRows:
    """A table that is gone through once.

    Args:
        lines: The file.
        source: Its lines with their numbers.

    Raises:
        ExchangeError: It has no heading; the message says what stands there.
    """

    def __init__(self, lines: TextLines, source: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        sample = list(islice(source, SAMPLE))
        layout = find_layout(sample)
        if layout is None:
            raise ExchangeError(f"{lines.path} is empty: a table begins with the names of its columns")
        lines.notes += layout.notes
        self.layout: Layout = layout
        self._short: set[int] = set()
        """Numbers of cells that several rows have, whose program leaves empty ones at the end out."""
        self._numbered = chain(sample[layout.begin :], source)
        self.names = self._names(layout.heading, sample)
        self._width = len(self.names)
        self._heading = [column_name(name) for name in layout.heading]

    def __iter__(self) -> Iterator[Record]:
        """Yield the rows; a last one that is cut off is told, any other that does not fit is counted."""
        torn: tuple[int, str] | None = None
        comments, again = self.layout.comments, 0
        for number, cells in self._rows():
            if not any(cell.strip(RULE) for cell in cells):
                continue
            if cells[0].lstrip().startswith("#") and read_cell(cells[0])[0] is Says.WORD:
                comments += 1
                continue
            if torn is not None:
                self._lines.skipped.add("a row that does not fit the heading", *torn)
                torn = None
            if self._is_heading(number, cells):
                again += 1
                continue
            fitted = self._fitted(cells)
            if fitted is None:
                torn = number, f"{listed(len(cells), 'cell')} where the heading has {self._width}"
            else:
                yield Record(number, dict(zip(self.names, fitted, strict=True)))
        if torn is not None:
            where = f"{self._lines.path}, line {torn[0]}: {torn[1]}"
            self._lines.notes.append(f"{where}: it is cut off there, and the line is passed over")
        if comments:
            self._lines.notes.append(f"{listed(comments, 'comment')} passed over")
        if again:
            self._lines.notes.append(f"the heading stands there {listed(again, 'time')} more: passed over")

    def _names(self, heading: list[str], sample: list[tuple[int, str]]) -> list[str]:
        """Return the columns' names, each once; with an unnamed one before them where all rows have a cell more."""
        names = [column_name(name) for name in heading]
        if len(names) > WIDEST:
            raise ExchangeError(f"{self._lines.path} has over {WIDEST:,} columns")
        numbers = sum(read_cell(name)[0] in NUMERIC for name in names)
        if numbers * 2 > len(names) and not any(may_place(name) for name in names if name):
            line = self.layout.line
            raise ExchangeError(
                f"{self._lines.path}, line {line} holds numbers: a table begins with the names of its columns"
            )
        rows = [split(line, self.layout.delimiter) for _, line in sample[self.layout.begin :] if line.strip()]
        has_more = all(len(row) == len(names) + 1 and row[-1].strip() for row in rows)
        if rows and has_more and any("." in cell or cell[:1].isalpha() for row in rows for cell in row):
            names = ["", *names]
        widths = Counter(map(len, rows[:-1]))
        self._short = {width for width, count in widths.items() if 1 < width < len(names) and count > 1}
        unique: dict[str, None] = {}
        for name in names:
            own, number = name, 2
            while own in unique:
                own, number = f"{name}.{number}", number + 1
            if own != name and name:
                self._lines.notes.append(f"there are two columns {name[:80]!r}: the later is {own[:80]!r}")
            unique[own] = None
        return list(unique)

    def _fitted(self, cells: list[str]) -> list[str] | None:
        """Return as many cells as there are columns; None where it is not plain which belongs where."""
        more = len(cells) - self._width
        if more > 0 and not any(cell.strip() for cell in cells[self._width :]):
            return cells[: self._width]
        is_short = len(cells) in self._short or not any(re.sub(r"\.\d+$", "", n) for n in self.names[more:])
        if more < 0 and is_short:
            return cells + [""] * -more
        return cells if more == 0 else None

    def _is_heading(self, number: int, cells: list[str]) -> bool:
        """Return whether a row names columns; with other columns than before they count from there on."""
        first = next((cell for cell in cells if cell.strip()), "")
        if read_cell(first)[0] is not Says.WORD:
            return False
        names = [column_name(cell) for cell in cells]
        if names == self._heading:
            return True
        known = sum(name in self.names for name in names if name)
        if known * 2 <= self._width or any(read_cell(name)[0] is not Says.WORD for name in names if name):
            return False
        if len(set(names)) != len(names):
            return False
        self._lines.notes.append(f"line {number}: other columns from there on")
        self.names, self._width, self._heading = names, len(names), names
        return True

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row with the number of its line."""
        delimiter = self.layout.delimiter
        for number, text in self._whole_lines():
            line = text.strip("\r\n")
            try:
                if delimiter == " " or '"' in line:
                    line = line.strip() if delimiter == " " else line
                    cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
                else:
                    cells = line.split(delimiter)
            except csv.Error as error:
                self._lines.skipped.add(f"a row that is no CSV ({error})", number)
                continue
            if cells:
                yield number, cells

    def _whole_lines(self) -> Iterator[tuple[int, str]]:
        """Yield lines, those together in which a cell in quotes goes on; a quote that nothing closes ends its line."""
        waiting: list[tuple[int, str]] = []
        while True:
            item = waiting.pop(0) if waiting else next(self._numbered, None)
            if item is None:
                return
            number, text = item
            if text.count('"') % 2 and self._is_open(text):
                joined, used = [text], 0
                ahead = waiting + list(islice(self._numbered, max(0, MOST_JOINED - len(waiting))))
                for used, (_, more) in enumerate(ahead, 1):
                    joined.append(more)
                    if more.count('"') % 2:
                        yield number, "".join(joined)
                        waiting = ahead[used:]
                        break
                else:
                    waiting = ahead
                    if not ahead:
                        self._lines.notes.append(
                            f"{self._lines.path}, line {number}: a quote is still open: "
                            "it is cut off there, and the line is passed over"
                        )
                    else:
                        self._lines.skipped.add("a row with a quote that nothing closes", number)
                continue
            yield number, text

    def _is_open(self, text: str) -> bool:
        try:
            line, delimiter = text.strip("\r\n"), self.layout.delimiter
            next(csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True), None)
        except csv.Error as error:
            return "unexpected end" in str(error)
        return False
