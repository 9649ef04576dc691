"""The command line: `python -m atlas_core COMMAND`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from atlas_core.errors import AtlasDeskError, InputError
from atlas_core.settings import Settings, load_settings


def _up(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.up import run_up

    return run_up(settings, demo=options.demo)


def _worker(settings: Settings, _: argparse.Namespace) -> int:
    from atlas_core.worker.process import serve_worker

    serve_worker(settings)
    return 0


def _sandbox(settings: Settings, _: argparse.Namespace) -> int:
    from atlas_core.cli.sandbox import run_sandbox

    return run_sandbox(settings)


def _seed(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.seed import run_seed

    return run_seed(settings, flows=options.flows, days=options.days)


def _submit(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.submit import run_submit

    return run_submit(settings, options.file, wait=options.wait)


def _check(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.check import run_check
    from atlas_core.cli.production import run_production_check

    return run_production_check(settings) if options.production else run_check(settings)


def _rebuild(settings: Settings, _: argparse.Namespace) -> int:
    from atlas_core.cli.rebuild import run_rebuild

    return run_rebuild(settings)


def _backup(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.backup import run_backup

    return run_backup(settings, options.to)


def _restore(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.restore import run_restore

    return run_restore(settings, options.backup, options.to)


def _erase(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.erase import run_erase

    return run_erase(settings, options.application, options.flow, options.reason)


def _hold(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.erase import run_hold

    return run_hold(settings, options.application, options.reason)


def _release(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.erase import run_release

    return run_release(settings, options.application, options.reason)


def _verify_audit(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.verify_audit import run_verify_audit

    return run_verify_audit(settings, options.head, options.to)


def _export(settings: Settings, options: argparse.Namespace) -> int:
    from atlas_core.cli.export import run_export, run_export_job

    if options.job:
        return run_export_job(settings, options.job)
    if options.file is None:
        raise InputError("Name the file to write: python -m atlas_core export --what flows FILE.csv")
    return run_export(
        settings,
        options.file,
        what=options.what,
        kind=options.format,
        filter_text=options.filter,
        is_masked=not options.unmasked,
        reason=options.reason,
    )


def _count(low: int, high: int) -> type[int]:
    def count(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}")
        return value

    return count  # type: ignore[return-value]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m atlas_core", description="Atlas Desk")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="start everything: sandbox (without credentials), worker and pages")
    up.add_argument("--demo", action="store_true", help="with invented history and a trickle of new flows")
    up.set_defaults(run=_up)

    worker = commands.add_parser("worker", help="start the worker alone")
    worker.set_defaults(run=_worker)

    sandbox = commands.add_parser("sandbox", help="start the Atlas sandbox alone")
    sandbox.set_defaults(run=_sandbox)

    seed = commands.add_parser("seed", help="fill the books with invented history")
    seed.add_argument("--flows", type=_count(1, 1_000_000), default=2000, metavar="N")
    seed.add_argument("--days", type=_count(1, 3650), default=90, metavar="D")
    seed.set_defaults(run=_seed)

    submit = commands.add_parser("submit", help="send the applications of a CSV")
    submit.add_argument("file", type=Path, metavar="FILE.csv")
    submit.add_argument("--wait", action="store_true", help="wait until every flow has ended")
    submit.set_defaults(run=_submit)

    backup = commands.add_parser("backup", help="copy both books, also while everything runs")
    backup.add_argument("--to", type=Path, metavar="FOLDER", help="else ATLAS_BACKUP_DIR")
    backup.set_defaults(run=_backup)

    restore = commands.add_parser(
        "restore", help="put a backup in the place of a book; without one, list them"
    )
    restore.add_argument(
        "backup", nargs="*", metavar="BACKUP", help="its name, its folder, or a folder of many"
    )
    restore.add_argument("--to", type=Path, metavar="DATA_DIR", help="else ATLAS_DATA_DIR")
    restore.set_defaults(run=_restore)

    rebuild = commands.add_parser("rebuild", help="build the column mirror anew from atlas.db")
    rebuild.set_defaults(run=_rebuild)

    export = commands.add_parser("export", help="write what a filter finds to a file, whole")
    export.add_argument("file", type=Path, nargs="?", metavar="FILE")
    export.add_argument("--what", choices=("flows", "documents", "fields", "cross-checks"), default="flows")
    export.add_argument("--format", choices=("csv", "xlsx", "parquet"), help="else as FILE's name ends")
    export.add_argument("--filter", default="", metavar="ADDRESS", help="a link copied from Results")
    export.add_argument("--unmasked", action="store_true", help="with personal values; needs --reason")
    export.add_argument("--reason", default="", help="why, for the audit log")
    export.add_argument("--job", help=argparse.SUPPRESS)
    export.set_defaults(run=_export)

    erase = commands.add_parser("erase", help="take a case's values out of everything, and prove it")
    case = erase.add_mutually_exclusive_group(required=True)
    case.add_argument("--application", metavar="ID", help="all flows and submissions of an application")
    case.add_argument("--flow", metavar="ID", help="one flow alone")
    erase.add_argument("--reason", required=True, metavar="WHY", help="for the audit log; no customer's data")
    erase.set_defaults(run=_erase)

    hold = commands.add_parser("hold", help="keep an application from being erased; without one, list them")
    hold.add_argument("--application", metavar="ID")
    hold.add_argument("--reason", default="", metavar="WHY")
    hold.set_defaults(run=_hold)

    release = commands.add_parser("release", help="end a hold")
    release.add_argument("--application", required=True, metavar="ID")
    release.add_argument("--reason", required=True, metavar="WHY")
    release.set_defaults(run=_release)

    audit = commands.add_parser("verify-audit", help="is the audit log what was written?")
    audit.add_argument("--head", metavar="HASH", help="the hash that an earlier call printed")
    audit.add_argument("--to", type=Path, metavar="FILE", help="write every entry there, as lines of JSON")
    audit.set_defaults(run=_verify_audit)

    check = commands.add_parser("check", help="are Atlas, the credentials, the receiver and the books well?")
    check.add_argument("--production", action="store_true", help="is it set up safely for real papers?")
    check.set_defaults(run=_check)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status: 0 well, 1 not well, 2 wrong use."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    try:
        return int(options.run(load_settings(), options))
    except AtlasDeskError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
