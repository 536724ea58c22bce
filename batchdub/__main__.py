"""`python -m batchdub` is the `batchdub` command."""

from batchdub.cli.main import main

if __name__ == "__main__":
    main()
