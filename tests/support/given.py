"""A given file tree: the view that a user with a certain uid would have of it, without making it.

So the recorded cases of unwritable homes and foreign users run where the tests are neither root nor
on Linux. POSIX rules: owner's bits for the owner, everything for root.
"""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Mapping

from kcfg.record import Record


class Node(Record):
    kind: str  # "file", "dir" or "symlink"
    mode: int
    content: bytes = b""
    target: str = ""
    owned: bool = True  # by the user; else by root


class GivenFiles:
    """Implements `kcfg.world.Files` over a mapping from absolute paths to nodes."""

    def __init__(self, nodes: Mapping[str, Node], *, root: bool, cwd: str) -> None:
        self.nodes = {
            "/": Node("dir", 0o755, owned=False),
            "/tmp": Node("dir", 0o1777, owned=False),
            **nodes,
        }
        self.root = root
        self.cwd = cwd

    def exists(self, path: str) -> bool:
        try:
            self._node(path)
        except OSError:
            return False
        return True

    def is_link(self, path: str) -> bool:
        try:
            return self._node(path, follow=False).kind == "symlink"
        except OSError:
            return False

    def is_dir(self, path: str) -> bool:
        try:
            return self._node(path).kind == "dir"
        except OSError:
            return False

    def writable(self, path: str) -> bool:
        return self._allowed(path, 0o2)

    def searchable(self, path: str) -> bool:
        return self._allowed(path, 0o1)

    def is_mine(self, path: str) -> bool:
        try:
            return self.root or self._node(path).owned
        except OSError:
            return False

    def target(self, path: str) -> str:
        return self._node(path, follow=False).target

    def names(self, path: str) -> list[str]:
        try:
            where = self._real(path)
        except OSError:
            return []
        return [posixpath.basename(p) for p in self.nodes if posixpath.dirname(p) == where != p]

    def read(self, path: str) -> bytes:
        node = self._node(path)
        if node.kind == "dir":
            raise self._error(errno.EISDIR, path)
        if not self._bits(node) & 0o4:
            raise self._error(errno.EACCES, path)
        return node.content

    def _allowed(self, path: str, bit: int) -> bool:
        try:
            return bool(self._bits(self._node(path)) & bit)
        except OSError:
            return False

    def _bits(self, node: Node) -> int:
        if self.root:
            return 0o7 if node.kind == "dir" or node.mode & 0o111 else 0o6
        return (node.mode >> 6 if node.owned else node.mode) & 0o7

    def _node(self, path: str, *, follow: bool = True) -> Node:
        return self.nodes[self._real(path, follow=follow)]

    def _real(self, path: str, *, follow: bool = True, depth: int = 0) -> str:
        """The node's own path, links resolved, as the kernel walks it."""
        if depth > 40:
            raise self._error(errno.ELOOP, path)
        if not path:
            raise self._error(errno.ENOENT, path)
        at = "/"
        parts = [
            part for part in posixpath.join(self.cwd, path).split("/") if part not in ("", ".")
        ]
        for index, part in enumerate(parts):
            here = self.nodes[at]
            if here.kind != "dir":
                raise self._error(errno.ENOTDIR, path)
            if not self._bits(here) & 0o1:
                raise self._error(errno.EACCES, path)
            if part == "..":
                at = posixpath.dirname(at)
                continue
            at = posixpath.join(at, part)
            if at not in self.nodes:
                raise self._error(errno.ENOENT, path)
            if self.nodes[at].kind == "symlink" and (follow or index < len(parts) - 1):
                target = posixpath.join(posixpath.dirname(at), self.nodes[at].target)
                at = self._real(target, depth=depth + 1)
        if path.endswith("/") and follow and self.nodes[at].kind != "dir":
            raise self._error(errno.ENOTDIR, path)
        return at

    @staticmethod
    def _error(number: int, path: str) -> OSError:
        return OSError(number, os.strerror(number), path)
