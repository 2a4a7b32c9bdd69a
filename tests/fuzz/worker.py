"""One target under the coverage-guided fuzzer: `python worker.py TARGET FOLDER [libFuzzer options]`.

Faults are written to FOLDER/found and the run goes on, so that one fault does not hide the next; a hang and too much
memory end the process, and libFuzzer writes the input itself.
"""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(include=["engine"], enable_loader_override=False):
    import targets

    from engine.feel import operations
    from engine.feel.standard import session
from mutation import mutate

STEPS = 20_000
"""The evaluation's budget while fuzzing, which limits how long one input may take: the limit itself has its tests."""

SLOW_SECONDS = 10
"""Time of the processor, not of the clock, that one input may take: other processes do not make it slow."""


def main(name: str, folder: Path, options: list[str]) -> None:
    """Fuzz until the options' time is over."""
    target = targets.TARGETS[name]
    operations.MAX_STEPS = session.MAX_STEPS = STEPS
    found = folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()

    def one(data: bytes) -> None:
        before = time.process_time()
        try:
            target.run(data)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
            keep(data, error)
        if time.process_time() - before > SLOW_SECONDS:
            keep(data, TimeoutError(f"took more than {SLOW_SECONDS} seconds"))

    def keep(data: bytes, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        ours = [f"{Path(f.filename).name}:{f.lineno}" for f in frames if "/engine/" in f.filename]
        kind = f"{type(error).__name__} {where} {ours[-1] if ours else ''}"
        if isinstance(error, RecursionError):
            kind = f"RecursionError {ours[0] if ours else ''}"
        if kind in seen:
            return
        seen.add(kind)
        path = found / hashlib.sha256(data).hexdigest()[:16]
        path.write_bytes(data)
        (found / f"{path.name}.why").write_text(f"{kind}\n" + "".join(traceback.format_exception(error)[-8:]))
        sys.stderr.write(f"FINDING {name} {kind} {str(error)[:200]!r} {path.name}\n")

    def changed(data: bytes, max_size: int, seed: int) -> bytes:
        if seed % 3 == 0:
            return bytes(atheris.Mutate(data, max_size))
        return mutate(data, target.token, target.pieces, max_size, seed)

    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    seeds = folder / "seeds"
    seeds.mkdir(exist_ok=True)
    for data in target.seeds():
        if len(data) <= target.max_bytes:
            (seeds / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    arguments = [sys.argv[0], f"-artifact_prefix={found}/", f"-max_len={target.max_bytes}", *options]
    atheris.Setup([*arguments, str(corpus), str(seeds)], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
