"""`python -m minigrad lm` trains a language model of characters, `python -m minigrad generate` lets it write."""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import fields, replace
from typing import Any

from minigrad import Generator

from ..errors import UserError
from ..options import (
    add_device,
    add_no_jit,
    count,
    not_negative,
    one_of,
    output_folder,
    plain_errors,
    positive,
    probability,
    require_device,
    require_drawing,
    seed,
)
from ..session import ResumeError
from .corpus import HELD_OUT, Corpus, read_text
from .description import OPTIMIZERS, Description, Settings, bits, read_checkpoint
from .generation import TEMPERATURE, generate
from .model import CELLS
from .training import checkpoint_in, make_trainer, save_picture

DESCRIPTION = f"""\
Train a recurrent network to predict the next character of a text, and let it write.

Each epoch, one pass over the text, prints a line: bits per character on the text
that the network learns from, and on its last {HELD_OUT} %, which it never sees. The
output folder gets checkpoints, texts that the network wrote on its way
(samples.txt), a picture of the curves (curves.png) and their numbers (log.csv).
"""

EXAMPLES = f"""\
examples:
  python -m minigrad lm
  python -m minigrad lm --cell gru --hidden 128 --epochs 6
  python -m minigrad lm --text novel.txt --dropout 0.2 --out runs/novel
  python -m minigrad lm --resume runs/novel
  python -m minigrad generate runs/novel --prompt "It was"

text:
  without --text, the help texts that every Python carries (pydoc_data.topics)

resume:
  a run that was interrupted goes on where it was, and comes to the same end;
  its options are in the checkpoint

optimizers and their default learning rates:
  {", ".join(f"{name} {rate}" for name, (_, rate) in OPTIMIZERS.items())}
"""

#: what --quick takes for options that are not given
QUICK = {"characters": 100_000, "hidden": 64, "embedding": 16, "batch_size": 16, "window": 32, "epochs": 4}

#: on the command line: everything that a checkpoint says of a run
RUN = [field.name for field in fields(Settings)]


def add_commands(commands: Any) -> None:
    """Add `lm` and `generate` to the commands of `python -m minigrad`."""
    _add_lm(commands)
    _add_generate(commands)


def _add_lm(commands: Any) -> None:
    default = Settings()
    parser = commands.add_parser(
        "lm",
        help="train a language model of characters",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--text", metavar="FILE", help="text to learn from, in UTF-8 (default: Python's help texts)")
    add("--characters", type=count, metavar="N", help="take the first N characters of the text only")
    add("--cell", type=one_of(CELLS), metavar="NAME", help=f"lstm, gru or rnn (default: {default.cell})")
    add("--hidden", type=count, metavar="N", help=f"units of a layer (default: {default.hidden})")
    add("--layers", type=count, metavar="N", help=f"recurrent layers (default: {default.layers})")
    add("--embedding", type=count, metavar="N",
        help=f"length of a character's vector (default: {default.embedding})")  # fmt: skip
    add("--dropout", type=probability, metavar="P", help=f"after each layer (default: {default.dropout:g})")
    add("--batch-size", type=count, metavar="N",
        help=f"streams that the text is cut into, read side by side (default: {default.batch_size})")  # fmt: skip
    add("--window", type=count, metavar="N",
        help=f"characters that gradients go back through (default: {default.window})")  # fmt: skip
    add("--epochs", type=count, metavar="N", help=f"passes over the text (default: {default.epochs})")
    add("--optimizer", type=one_of(OPTIMIZERS), metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)} (default: {default.optimizer})")  # fmt: skip
    add("--lr", type=positive, metavar="RATE",
        help="learning rate at its highest, from which it falls to 0 over the run (default: see below)")  # fmt: skip
    add("--clip", type=positive, metavar="NORM", help=f"limit of the gradients' norm (default: {default.clip:g})")
    add("--seed", type=seed, metavar="N",
        help="number that all randomness follows from: the same seed, the same run (default: 0)")  # fmt: skip
    add_device(parser)
    add_no_jit(parser)
    add("--quick", action="store_true", help="a small network on a part of the text: a run of seconds")
    add("--out", metavar="DIR", help="output folder, made if needed (default: runs/lm-CELL)")
    add("--resume", metavar="DIR", help="go on with the run in this folder, or from this checkpoint")
    parser.set_defaults(run=run_lm)


def _add_generate(commands: Any) -> None:
    parser = commands.add_parser("generate", help="let a language model write")
    add = parser.add_argument
    add("checkpoint", metavar="CHECKPOINT", help="a checkpoint of python -m minigrad lm, or the folder of the run")
    add("--prompt", default="", metavar="TEXT", help="what the text begins with (default: the beginning of a line)")
    add("--length", type=count, default=500, metavar="N", help="characters to write (default: 500)")
    add("--temperature", type=not_negative, default=TEMPERATURE, metavar="T",
        help=f"below 1: likelier characters; 0: always the likeliest (default: {TEMPERATURE})")  # fmt: skip
    add("--top-k", type=count, metavar="K", help="draw among the K likeliest characters only (default: all)")
    add("--seed", type=seed, default=0, metavar="N", help="the same seed writes the same text (default: 0)")
    add_device(parser)
    parser.set_defaults(run=run_generate)


def run_lm(args: argparse.Namespace) -> None:
    """Train, as the parsed command line says. Raises `UserError`."""
    require_drawing()
    require_device(args.device)
    resumed = None if args.resume is None else checkpoint_in(args.resume, "last")
    settings, before = _begun(args) if resumed is None else _resumed(args, resumed)
    corpus = Corpus.of(read_text(settings.text, settings.characters), args.device)
    description = Description(settings, corpus.vocabulary, corpus.digest)
    source = settings.text or "help texts of Python"
    if before is not None and before.digest != corpus.digest:
        raise UserError(f"{source}: the text is not the one that the run began with, so that it cannot be resumed")
    corpus.require(settings.batch_size, settings.window)
    if resumed is None:
        out = output_folder(args.out or f"runs/lm-{settings.cell}")
    else:
        out = output_folder(os.path.dirname(resumed) or ".", "copy the run to another folder and resume it there")
    trainer, training, held_out = make_trainer(description, corpus, out, args.device, args.recorded)

    title = f"{settings.cell.upper()} {' + '.join([str(settings.hidden)] * settings.layers)}, {settings.optimizer}"
    print(
        f"{source}: {len(corpus.training):,} characters to train on, {len(corpus.held_out):,} held out, "
        f"{len(corpus.vocabulary)} different ones"
    )
    print(
        f"{title} at {settings.rate:g}, {sum(p.numel() for p in trainer.model.parameters()):,} weights, "
        f"{settings.batch_size} streams, windows of {settings.window}, on {args.device}"
    )
    if resumed is not None:
        try:
            trainer.resume(resumed)
        except ResumeError as error:
            raise UserError(" ".join(str(error).split())) from None
    start = time.perf_counter()
    with plain_errors(out):
        if resumed is None:
            trainer.save(out / "last.safetensors")  # or --resume would take that of an earlier run in this folder
        try:
            history = trainer.fit(training, settings.epochs, validation=held_out)
        except KeyboardInterrupt:
            print(f"to go on: python -m minigrad lm --resume {out}")
            raise
        seconds = time.perf_counter() - start
        save_picture(out / "curves.png", history, title)
    found = bits(history[-1].validation_loss)
    print(f"held out: {found:.3f} bits per character after {len(history)} epochs, {seconds:.1f} s")
    print(f"curves:   {out / 'curves.png'}")
    print(f"samples:  {out / 'samples.txt'}; more: python -m minigrad generate {out}")


def _begun(args: argparse.Namespace) -> tuple[Settings, None]:
    """The settings of a new run."""
    settings = Settings(**{**(QUICK if args.quick else {}), **_given(args)})
    # whole, so that the run can be resumed from another folder
    return replace(settings, text=settings.text and os.path.abspath(settings.text)), None


def _resumed(args: argparse.Namespace, path: str) -> tuple[Settings, Description]:
    """The settings of the run that is resumed, and what its checkpoint says."""
    refused = [*_given(args), *(name for name in ("quick", "out") if getattr(args, name))]
    if refused:
        option = refused[0].replace("_", "-")
        raise UserError(f"--resume goes on with a run as it was begun, which --{option} would change: leave it out")
    description, _ = read_checkpoint(path)
    return description.settings, description


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """What the command line says of the run."""
    return {name: getattr(args, name) for name in RUN if getattr(args, name) is not None}


def run_generate(args: argparse.Namespace) -> None:
    """Print a prompt and what the model makes of it. Raises `UserError`."""
    require_device(args.device)
    description, model = read_checkpoint(checkpoint_in(args.checkpoint, "best"))
    model.to(args.device)
    generator = Generator(args.device).manual_seed(args.seed)
    try:
        text = generate(
            model, description.vocabulary, args.length, args.prompt, args.temperature, args.top_k, generator
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    print(f"{args.prompt}{text}")
