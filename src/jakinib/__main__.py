"""``python -m jakinib``: the same as the ``jakinib`` command."""

from jakinib.cli import main

main()
