"""Define the errors of an import: of a row, of a part of a row, of the whole file."""


class RefusedError(Exception):
    """This row can't come. `reason` is a word for the report, `detail` a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class FileError(Exception):
    """The file can't be read any further. The text says why and what to do."""
