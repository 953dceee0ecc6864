"""`python -m integrations.thinkific.sandbox`: the stand-in without Django."""

import argparse
import sys

from integrations.thinkific.sandbox.cli import add_arguments, run


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="thinkific_sandbox", description="A local stand-in for Thinkific.")
    add_arguments(parser)
    return run(vars(parser.parse_args()), say)


if __name__ == "__main__":
    sys.exit(main())
