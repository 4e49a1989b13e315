"""A process that dies at a chosen file operation, played by an exception."""

from __future__ import annotations

import sys


class Death(BaseException):
    """What `kill -9` is to a process: nothing is done behind it."""


class Grim:
    """An audit hook under which the process dies before its n-th file operation inside of a folder."""

    EVENTS = ("open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.chmod", "shutil.copyfile")

    def __init__(self):
        self.folder, self.left, self.dead, self.seen = None, -1, False, 0
        sys.addaudithook(self)

    def __call__(self, event, arguments):
        if self.folder is None or event not in self.EVENTS or not str(arguments[0]).startswith(self.folder):
            return
        self.seen += 1
        if self.dead or self.seen > self.left >= 0:
            self.dead = True
            raise Death

    def watch(self, folder, left=-1):
        self.folder, self.left, self.dead, self.seen = str(folder), left, False, 0

    def rest(self):
        self.folder = None
