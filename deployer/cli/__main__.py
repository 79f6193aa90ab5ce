"""``python -m deployer.cli``."""

from deployer.cli import main

main()
