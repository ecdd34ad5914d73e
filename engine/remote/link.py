"""What the bridge needs of a site: a look at its runs, and that it can be asked; a cluster and a host differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from engine.runs.posted.posting import Posting
from engine.runs.posted.site_status import SiteStatus
from engine.runs.store import Run
from engine.sites.ssh_command import SiteError

Verb = Literal["stop", "stop-now", "cancel", "hold", "release", "move", "priority"]
"""What a site may be asked to do with a run that it has."""


class Link(Protocol):
    """The way to one site, held by one thread of the bridge, or by a command for as long as it lasts."""

    def post(self, run: Run, posting: Posting) -> Posting:
        """Send a run whose posting is written already, and return the posting with what is known now.

        Raises:
            Unreachable: It cannot be said whether it arrived: ``look`` finds it by its name.
            SiteError: The site refuses it; says why.
        """
        ...

    def post_all(self, runs: Iterable[tuple[Run, Posting]]) -> Mapping[str, Posting | SiteError]:
        """Send several runs, as ``post`` does; many of one kind may go as one array.

        Returns:
            By the run's id its posting with what is known now, or why it was not taken; ``Unreachable`` where it is not
            known whether it arrived.
        """
        ...

    def look(self, posted: Mapping[str, tuple[Run, Posting]]) -> SiteStatus:
        """Return what the site says of the runs that were posted to it, by their ids, and of its machines.

        Raises:
            Unreachable: It does not answer: that is no news about its runs.
        """
        ...

    def ask(self, run: Run, posting: Posting, verb: Verb, words: Sequence[str] = ()) -> str:
        """Ask the site to do something with a run, and return in words what will happen.

        Args:
            run: The run.
            posting: Its posting, which this user has made.
            verb: What to do.
            words: What the verb needs besides: a priority, an end of the queue, another run.

        Raises:
            Unreachable: It does not answer.
            SiteError: It refuses; says why.
        """
        ...

    def close(self) -> None:
        """Let the site go; nothing that runs there ends."""
        ...
