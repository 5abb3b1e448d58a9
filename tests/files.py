"""Files that pages give to be downloaded, as whoever opens them finds them."""

import csv
from io import BytesIO, StringIO
from zipfile import ZipFile


class Opened:
    """The ZIP that a page answered with: a CSV, and the evidence beside it."""

    def __init__(self, response):
        self.response = response
        with ZipFile(BytesIO(response.getvalue())) as archive:
            assert archive.testzip() is None
            self.contents = {name: archive.read(name) for name in archive.namelist()}

    @property
    def data(self):
        """The bytes of the CSV."""
        [found] = [data for name, data in self.contents.items() if name.endswith(".csv")]
        return found

    @property
    def table(self):
        """The rows of the CSV, its header first."""
        return list(csv.reader(StringIO(self.data.decode("utf-8-sig"), newline="")))

    @property
    def rows(self):
        """The rows of the CSV as values by their headings."""
        header, *rows = self.table
        return [dict(zip(header, row, strict=True)) for row in rows]

    @property
    def lines(self):
        return self.contents["evidence.txt"].decode().splitlines()

    @property
    def evidence(self):
        """What stands beside the CSV, by name."""
        return dict(line.split(": ", 1) for line in self.lines)
