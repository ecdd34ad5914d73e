"""The tree of the errors whose message says all that a user needs: what is wrong, where, and what would be right.

::

    UserError
      CheckpointError   weights that cannot be downloaded, read, or loaded (here)
      ConfigError       experiments.toml or a setting                      (engine.config.validate)
      DataError         a dataset that cannot be used                      (engine.training.data.unsplit_dataset)
      DeviceError       a device that this machine does not have           (here)
      Diverged          a loss that is not finite                          (engine.training.trainer)
      EditError         a change to experiments.toml                       (engine.config.editor)
        StaleError      it has changed since it was read                   (engine.config.editor)
      ExchangeError     another tool's file, or a package that reads it    (engine.exchange.optional_packages)
      ExportError       a figure, table or report that cannot be written   (tui.figures.figure_files)
      FilterError       which runs are meant                               (engine.query.parser)
      MomentError       a moment that cannot be looked at                  (tui.state.moment)
      PlotError         what of which runs is to be drawn as text          (tui.commands.plotted_runs)
      SiteError         a site that refuses what it is asked               (engine.sites.ssh_command)
        FrameError      another end that speaks another protocol           (engine.sites.far_end_frames)
        NotBrought      a run that is not all there yet                    (engine.remote.other_machine.received_runs)
        Unreachable     it does not answer now, which is no news           (engine.sites.ssh_command)
      StoreError        a run, its folder, or what is asked of it          (engine.runs.store)
        NotAsked        a run that lives cannot be asked to stop           (engine.queue.stop_and_resume)
        RunTaken        another process trains the run                     (engine.runs.run_lock)
"""

from __future__ import annotations

import errno

import msgspec

PASSING = frozenset({
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE,
})  # fmt: skip
"""What the system says when a disk, the memory or its tables are full: it passes, and is no fault of a run."""

HOPELESS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, NotImplementedError,
    TypeError, ValueError, msgspec.ValidationError,
)  # fmt: skip
"""What code raises about itself or what it was given: a layer that refuses a shape or a type does so at each try."""


class UserError(Exception):
    """A mistake or a mishap that a command reports as a message and not as a traceback.

    Args:
        transient: Whether its cause may be gone at the next try, as a network that cannot be reached.
    """

    def __init__(self, *arguments: object, transient: bool = False) -> None:
        super().__init__(*arguments)
        self.transient = transient


class CheckpointError(UserError):
    """A checkpoint cannot be downloaded, read, written, or loaded into this model; says which, why and what to do."""


class DeviceError(UserError):
    """This machine has no device of that name."""


def is_transient(error: BaseException) -> bool:
    """Return whether what failed may succeed when it is tried again: all may that is not in ``HOPELESS``.

    What the system, the network or a disk reports, an ``OSError`` of any kind, passes.
    """
    if isinstance(error, UserError):
        return error.transient
    return isinstance(error, OSError) or not isinstance(error, HOPELESS)
