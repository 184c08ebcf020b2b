"""BookMeUp: appointments for a business, as one package with three roles."""

from importlib.metadata import version

__version__ = version("bookmeup")
