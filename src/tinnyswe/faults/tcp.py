"""A relay of any protocol that can do what networks do: freeze, cut, swallow, reset, trickle."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable

from tinnyswe.faults.link import Direction, End, Link, Pipe, acknowledge_at_once
from tinnyswe.model.errors import TinnyError

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_CHUNK = 1 << 16  # bytes of one read
_HIGH_WATER = 1 << 18  # bytes on their way before reading pauses
_TRICKLE_TURN = 256  # one-byte segments sent before others have their turn
_STOP_SECONDS = 5.0


class TcpRelay:
    """Passes connections of `listener` on to what `upstream` dials, in one thread.

    listener: listening, bound by the caller; closed by `stop`. upstream: called once per connection, in a thread of
    its own; may raise OSError, and then the client's connection is reset. All methods may be called by any thread.
    """

    def __init__(self, listener: socket.socket, upstream: Callable[[], socket.socket]) -> None:
        self.changed = threading.Condition()  # notified whenever something happened on a connection
        self.last_traffic = time.monotonic()  # when the last byte came in, from either side
        self._listener = listener
        self._upstream = upstream
        self._links: dict[int, Link] = {}
        self._touched: set[Link] = set()
        self._accepted = 0
        self._passed: dict[Direction, int] = {"to_server": 0, "to_client": 0}
        self._frozen: set[Direction] = set()
        self._dark = False
        self._trickling = False
        self._budget: dict[Direction, int] = {}
        self._stopping = False
        self._problem: Exception | None = None
        self._selector = selectors.DefaultSelector()
        self._wakeful, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)
        listener.setblocking(False)
        self._wakeful.setblocking(False)
        self._waker.setblocking(False)

    # -- life

    def start(self) -> None:
        self._selector.register(self._wakeful, _READ)
        self._selector.register(self._listener, _READ)
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every connection. Idempotent."""
        with self.changed:
            self._stopping = True
            self._wake()
        if self._thread.ident is None:
            self._close_everything()
        else:
            self._thread.join(_STOP_SECONDS)

    def passed(self, direction: Direction) -> int:
        """Bytes sent on so far, over all connections."""
        with self.changed:
            return self._passed[direction]

    # -- faults

    def close_all(self) -> None:
        """Close every connection now, by FIN; what was held back or on its way is dropped."""
        self._end_all("close")

    def reset(self) -> None:
        """Reset every connection now, both sides (RST)."""
        self._end_all("reset")

    def freeze(self, direction: Direction, on: bool = True) -> None:
        """Stop passing bytes, and ends, in one direction; what waits goes on when it is thawed."""
        with self.changed:
            (self._frozen.add if on else self._frozen.discard)(direction)
            self._wake()

    def blackhole(self, on: bool = True) -> None:
        """Nothing passes and nobody is told: no byte, no FIN, no RST, no new connection.

        When it ends, what waited arrives late, as TCP would have sent it again; `close_all` first to drop it.
        """
        with self.changed:
            self._dark = on
            self._wake()

    def trickle(self, on: bool = True) -> None:
        """Send one byte per segment, in both directions."""
        with self.changed:
            self._trickling = on
            self._wake()

    def cut_after_bytes(self, n: int, direction: Direction = "to_client") -> None:
        """Pass exactly n more bytes in this direction, then close the connection on which the n-th passed. Once."""
        with self.changed:
            self._budget[direction] = n
            self._wake()

    # -- what a subclass adds; all are called under the lock, in the relay's thread

    def _opened(self, link: Link) -> None:
        """A client has connected; the server is not dialled yet."""

    def _dropped(self, link: Link) -> None:
        """The link is about to be closed."""

    def _arrived(self, link: Link, pipe: Pipe, data: bytes) -> None:
        """Bytes have been read; put into `pipe.out` what shall pass."""
        pipe.out += data

    def _source_ended(self, link: Link, pipe: Pipe) -> None:
        """This direction's source sends no more."""

    def _holds(self, link: Link) -> bool:
        """True while client bytes are held back: then no more are read, and the client's end is not passed on."""
        return False

    def _after_turn(self) -> None:
        """Something happened, and the lock is free again."""

    # -- the loop

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn(self._selector.select())
                self._after_turn()
        except Exception as problem:
            self._problem = problem
        finally:
            with self.changed:
                self._close_everything()
                self.changed.notify_all()

    def _turn(self, events: list[tuple[selectors.SelectorKey, int]]) -> None:
        with self.changed:
            for key, mask in events:
                if key.fileobj is self._wakeful:
                    self._wakeful.recv(4096)
                    self._touched.update(self._links.values())
                    self._watch(self._listener, 0 if self._dark else _READ, {})
                elif key.fileobj is self._listener:
                    self._accept()
                elif not key.data.closed:
                    self._on_ready(key.data, key.fileobj, mask)
            touched, self._touched = self._touched, set()
            for link in touched:
                self._tend(link)
            self.changed.notify_all()

    def _accept(self) -> None:
        if self._dark:
            return
        try:
            client, _ = self._listener.accept()
        except OSError:  # the client went away again, or we are out of descriptors
            return
        self._accepted += 1
        link = self._links[self._accepted] = Link(self._accepted, client)
        self._opened(link)
        threading.Thread(target=self._dial, args=(link,), name=f"dial {link.id}", daemon=True).start()

    def _dial(self, link: Link) -> None:
        server = problem = None
        try:
            server = self._upstream()
        except OSError:
            pass
        except Exception as error:
            problem = error
        with self.changed:
            self._problem = self._problem or problem
            if server is None:
                link.end = link.end or "reset"
            elif link.closed or self._stopping:
                server.close()
            else:
                link.connect(server)
            self._wake()

    def _on_ready(self, link: Link, sock: object, mask: int) -> None:
        self._touched.add(link)
        pipe = link.to_server if sock is link.client else link.to_client
        if not mask & _READ or pipe.ended or not self._may_read(link, pipe) or pipe.source is None:
            return
        try:
            data = pipe.source.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._send(link, link.to_client)
            link.end = "reset"
            return
        if data:
            acknowledge_at_once(pipe.source)
            self.last_traffic = time.monotonic()
            self._arrived(link, pipe, data)
        else:
            pipe.ended = True
            self._source_ended(link, pipe)

    def _tend(self, link: Link) -> None:
        """Send what may be sent, pass ends on, close what is over, and tell the selector what to wait for."""
        if link.closed:
            return
        for pipe in link.pipes if link.end in ("", "flush") else ():
            self._send(link, pipe)
            if pipe.ended and not pipe.closed and not pipe.out and self._may_pass(pipe) and not self._held(link, pipe):
                pipe.close()
        flushed = not link.to_server.out and not link.to_client.out
        over = link.to_server.closed and link.to_client.closed
        if link.end in ("close", "reset") or (link.end == "flush" and flushed) or over:
            self._close(link)
            return
        self._listen_to(link, link.client, link.to_server, link.to_client)
        if link.server is not None:
            self._listen_to(link, link.server, link.to_client, link.to_server)

    def _listen_to(self, link: Link, sock: socket.socket, reads: Pipe, writes: Pipe) -> None:
        may_write = bool(writes.out) and self._may_pass(writes)
        self._watch(sock, _READ * self._may_read(link, reads) | _WRITE * may_write, link.masks, link)

    def _may_pass(self, pipe: Pipe) -> bool:
        return not self._dark and pipe.direction not in self._frozen and pipe.sink is not None

    def _may_read(self, link: Link, pipe: Pipe) -> bool:
        room = not pipe.ended and len(pipe.out) < _HIGH_WATER and not link.end
        return room and self._may_pass(pipe) and not self._held(link, pipe)

    def _held(self, link: Link, pipe: Pipe) -> bool:
        return pipe.direction == "to_server" and self._holds(link)

    def _send(self, link: Link, pipe: Pipe) -> None:
        if not self._may_pass(pipe) or pipe.sink is None:
            return
        for _ in range(_TRICKLE_TURN):
            budget = self._budget.get(pipe.direction)
            if not pipe.out or link.end in ("close", "reset"):
                return
            if budget is not None and budget <= 0:
                self._spend(link, pipe, 0)
                return
            try:
                with memoryview(pipe.out) as out:
                    sent = pipe.sink.send(out[: 1 if self._trickling else budget])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                link.end = "reset"
                return
            self._spend(link, pipe, sent)

    def _spend(self, link: Link, pipe: Pipe, sent: int) -> None:
        del pipe.out[:sent]
        self._passed[pipe.direction] += sent
        if pipe.direction in self._budget:
            self._budget[pipe.direction] -= sent
            if self._budget[pipe.direction] <= 0:
                del self._budget[pipe.direction]
                link.end = "close"

    def _watch(
        self, sock: socket.socket, wanted: int, masks: dict[socket.socket, int], link: Link | None = None
    ) -> None:
        if masks.get(sock, -1) == wanted:
            return
        masks[sock] = wanted
        known = sock in self._selector.get_map()
        if not wanted:
            if known:
                self._selector.unregister(sock)
        elif known:
            self._selector.modify(sock, wanted, link)
        else:
            self._selector.register(sock, wanted, link)

    def _close(self, link: Link) -> None:
        self._dropped(link)
        for sock in link.sockets:
            self._watch(sock, 0, link.masks)
        link.close()
        self._links.pop(link.id, None)

    def _end_all(self, end: End) -> None:
        with self.changed:
            for link in self._links.values():
                link.end = end
                self._dropped(link)
            self._wake()
            self.changed.notify_all()

    def _close_everything(self) -> None:
        for link in list(self._links.values()):
            link.end = link.end or "close"
            self._dropped(link)
            link.close()
        self._links.clear()
        for sock in (self._listener, self._wakeful, self._waker):
            sock.close()
        self._selector.close()

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except OSError:
            return  # full: it will wake anyway; closed: there is nobody to wake

    def _check(self) -> None:
        """Raise TinnyError when the relay itself has failed: then nothing it says can be believed."""
        if self._problem is not None:
            raise TinnyError(
                f"the relay of the bench failed: {self._problem!r}", next_step="please report it", code="relay-failed"
            ) from self._problem
