"""`python -m bookmeup`."""

from bookmeup.cli import main

if __name__ == "__main__":
    main()
