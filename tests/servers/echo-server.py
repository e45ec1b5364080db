#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""echo.thrift served by stock Python Thrift: TThreadedServer, one thread per connection.

The command line is that of the other servers (README.md beside this file) and --gen DIR, where
the generated package `echo` is; without it PYTHONPATH must say so. TThreadPoolServer would do too,
but a pool of N threads serves N connections and lets the others wait for ever.
"""

import argparse
import collections
import logging
import os
import resource
import signal
import socket
import stat
import sys
import threading
import time

from thrift.protocol import TBinaryProtocol, TCompactProtocol
from thrift.server import TServer
from thrift.TMultiplexedProcessor import TMultiplexedProcessor
from thrift.Thrift import TApplicationException
from thrift.transport import TSocket, TTransport

BACKLOG = 4096
COUNT_MAX = 5000000
TAKE_MAX_MS = 60000


def parse_options():
    def number(text):
        value = int(text)
        if value < 0:
            raise ValueError(text)
        return value

    def place(text):
        if text != 'tcp' and (not text.startswith('unix:') or text == 'unix:'):
            raise ValueError(text)
        return text

    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument('--name', default='python')
    parser.add_argument('--transport', choices=('framed', 'buffered'), default='framed')
    parser.add_argument('--protocol', choices=('binary', 'compact'), default='binary')
    parser.add_argument('--multiplexed', metavar='NAME')
    parser.add_argument('--delay-us', type=number, default=0)
    parser.add_argument('--listen', type=place, default='tcp', metavar='tcp|unix:PATH')
    parser.add_argument('--accept-delay-ms', type=number, default=0)
    parser.add_argument('--gen', metavar='DIR')
    return parser.parse_args()


OPTIONS = parse_options()
if OPTIONS.gen:
    sys.path.insert(0, OPTIONS.gen)

from echo import Echo  # noqa: E402  (found through --gen)
from echo.ttypes import NotFound, Rejected, Sample  # noqa: E402


def undeclared(message):
    """A failure that the interface does not declare."""
    return TApplicationException(TApplicationException.INTERNAL_ERROR, message)


def checked(count):
    if not 0 <= count <= COUNT_MAX:
        raise undeclared('count %d is out of range' % count)
    return count


class EchoHandler(Echo.Iface):
    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()  # under lock

    def who(self):
        return OPTIONS.name

    def add(self, a, b):
        if OPTIONS.delay_us > 0:
            time.sleep(OPTIONS.delay_us / 1e6)
        return (a + b + 2**31) % 2**32 - 2**31

    def ping(self):
        pass

    def echo(self, value):
        return value

    echo_bool = echo_byte = echo_i16 = echo_i32 = echo_i64 = echo_double = echo
    echo_color = echo_point = echo_tree = echo_everything = echo_strict = echo
    echo_list = echo_set = echo_map = echo

    def echo_string(self, value):
        return value or ''  # an argument left out is empty, as for the other servers

    def echo_binary(self, value):
        return value or b''

    def samples(self, count):
        return [Sample(i, 'sample-%d' % i, i * 0.5) for i in range(checked(count))]

    def numbers(self, count):
        return list(range(checked(count)))

    def words(self, count):
        return ['word-%d' % i for i in range(checked(count))]

    def blob(self, size):
        return (bytes(range(256)) * (checked(size) // 256 + 1))[:size]

    def take(self, milliseconds, value):
        time.sleep(min(max(milliseconds, 0), TAKE_MAX_MS) / 1e3)
        return value

    def fail(self, code):
        if code == 0:
            return 0
        if code == 1:
            raise Rejected('rejected', 1)
        if code == 2:
            raise NotFound('missing')
        raise undeclared('fail: code %d' % code)

    def run(self, request):
        with self.lock:
            self.counts[request] += 1
            return self.counts[request]

    def executions(self, request):
        with self.lock:
            return self.counts[request]

    def note(self, request):
        self.run(request)


class ListeningSocket(TSocket.TServerSocket):
    """Tells where it listens; the kernel chose the port."""

    def listen(self):
        super().listen()
        if OPTIONS.listen == 'tcp':
            # accepted sockets inherit it
            self.handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            print('READY tcp://127.0.0.1:%d' % self.handle.getsockname()[1], flush=True)
        else:
            print('READY ' + OPTIONS.listen, flush=True)


class EchoServer(TServer.TThreadedServer):
    def handle(self, client):
        time.sleep(OPTIONS.accept_delay_ms / 1e3)
        super().handle(client)


def make_server():
    if OPTIONS.listen == 'tcp':
        listening = ListeningSocket('127.0.0.1', 0)
    else:
        listening = ListeningSocket(unix_socket=OPTIONS.listen[len('unix:'):])
    listening.setBacklog(BACKLOG)
    transports = {
        'framed': TTransport.TFramedTransportFactory,
        'buffered': TTransport.TBufferedTransportFactory,
    }
    protocols = {
        'binary': TBinaryProtocol.TBinaryProtocolAcceleratedFactory,
        'compact': TCompactProtocol.TCompactProtocolAcceleratedFactory,
    }
    processor = Echo.Processor(EchoHandler())
    if OPTIONS.multiplexed:
        several = TMultiplexedProcessor()
        several.registerProcessor(OPTIONS.multiplexed, processor)
        processor = several
    return EchoServer(processor, listening, transports[OPTIONS.transport](),
                      protocols[OPTIONS.protocol](), daemon=True)


def unlink_stale_socket():
    if OPTIONS.listen != 'tcp':
        path = OPTIONS.listen[len('unix:'):]
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                os.unlink(path)
        except FileNotFoundError:
            pass


def end(*_):
    unlink_stale_socket()
    os._exit(0)  # connections may be in the middle of a call: do not wait for them


def serve(server):
    try:
        server.serve()
    except BaseException as error:
        print('echo-server.py: %s' % error, file=sys.stderr, flush=True)
    os._exit(1)


def main():
    logging.disable(logging.CRITICAL)  # failures that tests ask for are no news
    signal.signal(signal.SIGTERM, end)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    unlink_stale_socket()
    threading.Thread(target=serve, args=(make_server(),), daemon=True).start()
    while os.read(sys.stdin.fileno(), 256):
        pass
    end()


main()
