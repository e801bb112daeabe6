"""One QEMU: its command line, its QMP, its end."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time

from .machine import X86

PR_SET_PDEATHSIG = 1
# A nanosecond of the guest is one instruction, and a wait takes no time of the host's.
ICOUNT = ("-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off")
LIBC = ctypes.CDLL(None, use_errno=True)


class QmpError(Exception):
    """QEMU refused a command."""


def die_with_parent():
    # A harness killed with SIGKILL cleans nothing up: the kernel must take QEMU along.
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def sockets():
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return ours, theirs


class Qemu:
    CHANNELS = ("serial", "ctl", "out", "qmp")

    def __init__(self, *, kernel, initrd, cmdline, memory, smp, share, devices, machine=X86, icount=False, root="/",
                 directories=()):
        self.events = []
        self._buffer = b""
        self.channel, theirs = {}, {}
        for name in self.CHANNELS:
            self.channel[name], theirs[name] = sockets()
        argv = [
            machine.program, "-S", "-no-reboot", "-nodefaults", "-no-user-config", "-display", "none",
            *machine.arguments, *(ICOUNT if icount else ("-accel", "tcg,thread=multi")),
            "-smp", str(smp), "-m", f"{memory >> 20}M", "-nic", "none",
            "-kernel", str(kernel), "-initrd", str(initrd), "-append", cmdline,
        ]
        for tag, path in [("root", root), *((f"dir{number}", path) for number, path in enumerate(directories))]:
            argv += ["-virtfs", f"local,path={path},mount_tag={tag},security_model=none,readonly=on,multidevs=remap"]
        argv += [
            "-virtfs", f"local,path={share},mount_tag=run,security_model=none,multidevs=remap",
            "-device", "virtio-serial-pci,max_ports=4",
        ]
        for name in self.CHANNELS:
            argv += ["-chardev", f"socket,id={name},fd={theirs[name].fileno()}"]
        argv += ["-serial", "chardev:serial", "-mon", "chardev=qmp,mode=control"]
        for number, name in enumerate(("ctl", "out"), 1):
            argv += ["-device", f"virtserialport,nr={number},chardev={name},name={name}"]
        argv += devices
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=[end.fileno() for end in theirs.values()], preexec_fn=die_with_parent,
        )
        self.channel["qemu"] = self.process.stdout
        for end in theirs.values():
            end.close()
        try:
            self._message(time.monotonic() + 30)
            self.command("qmp_capabilities")
        except Exception:
            self.kill()
            raise

    def _message(self, deadline):
        while b"\n" not in self._buffer:
            self.channel["qmp"].settimeout(max(0.01, deadline - time.monotonic()))
            data = self.channel["qmp"].recv(1 << 16)
            if not data:
                said = self.process.stdout.read().decode(errors="replace").strip()
                raise QmpError(f"QEMU has gone away: {said}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def command(self, name, arguments=None):
        request = json.dumps({"execute": name, "arguments": arguments or {}})
        self.channel["qmp"].settimeout(60)
        self.channel["qmp"].sendall(request.encode() + b"\n")
        deadline = time.monotonic() + 60
        while True:
            message = self._message(deadline)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError(f"{name}: {message['error']['desc']}")
            else:
                return message.get("return")

    def read_events(self):
        """What has arrived on the QMP socket, if anything; False at its end."""
        # A socket with a timeout waits for data whatever the flags of recv().
        self.channel["qmp"].settimeout(0)
        try:
            data = self.channel["qmp"].recv(1 << 16)
        except BlockingIOError:
            return True  # it was readable, but command() came first
        self._buffer += data
        while b"\n" in self._buffer:
            self.events.append(self._message(time.monotonic() + 1))
        return bool(data)

    def kill(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        for end in self.channel.values():
            end.close()
