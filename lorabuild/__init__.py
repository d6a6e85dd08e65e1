"""lorabuild: a make for LoRAs. This module stays free of imports: a build with nothing to do starts here."""

__version__ = "0.1.0"
