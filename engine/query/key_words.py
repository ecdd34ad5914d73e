"""What people call the keys of filters: words of other tools, of the app's columns and of everyday speech.

Words for the settings of an experiment are in ``engine.config.setting_meanings``, which filters ask too.
"""

from __future__ import annotations

_WORDS = {
    "experiment": "name exp title experiment_name run_name",
    "run": "id run_id uid uuid folder",
    "state": "status stage",
    "reason": "error message why cause exception failure",
    "device": "gpu cuda gpu_name device_name",
    "host": "machine server hostname computer",
    "on": "site where cluster partition place",
    "init": "weights checkpoint initialised initialized",
    "attempt": "try tries attempts restarts",
    "step": "iteration iterations iter iters",
    "parameters": "params param size num_params n_params",
    "age": "created created_at date when started start start_time made submitted",
    "duration": "took time runtime elapsed length wall_time walltime train_time training_time hours minutes",
    "tag": "label labels",
    "note": "comment comments description remark",
    "test/f1": "score result macro_f1 f1_score",
    "test/accuracy": "accuracy",
    "gpu/memory_process": "mem memory vram gpu_mem gpu_memory",
    "gpu/memory_peak": "peak peak_memory max_memory",
    "cpu/memory_process": "ram",
    "gpu/utilization": "util utilisation utilization",
}
MEANT = {word: key for key, words in _WORDS.items() for word in words.split()}
"""The key that is meant, by each word."""


def key_called(name: str) -> str | None:
    """Return the key that people mean by a name that no key has; None where it is no word for one."""
    return MEANT.get(name.casefold().replace("-", "_"))
