"""Runs a program on a new terminal: pty.py 'JSON steps' program arguments...

Steps: {"expect": "text"}, {"send": "text"}, {"resize": [rows, columns]}, {"signal": number}. What the terminal shows goes to
stdout, after the end a line "exit N" and one that says whether the terminal is still as it was. Only the standard library.
"""
import fcntl, json, os, select, signal, struct, sys, termios, time

steps = json.loads(sys.argv[1])
main, terminal = os.openpty()
before = termios.tcgetattr(terminal)


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(30, 100)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(terminal, descriptor)
    os.closerange(3, 64)
    os.execvp(sys.argv[2], sys.argv[2:])

shown = b""
seen = 0
code = None
deadline = time.monotonic() + float(os.environ.get("PTY_SECONDS", "15"))
while time.monotonic() < deadline:
    if code is None:
        pid, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status) if pid else None
    if select.select([main], [], [], 0.02)[0]:
        shown += os.read(main, 65536)
    elif code is not None:
        break
    while steps:
        step = steps[0]
        if "expect" in step:
            at = shown.find(step["expect"].encode(), seen)
            if at < 0:
                break
            seen = at + len(step["expect"])
        elif "send" in step:
            os.write(main, step["send"].encode())
        elif "resize" in step:
            resize(*step["resize"])
            os.kill(child, signal.SIGWINCH)
        elif "signal" in step:
            os.kill(child, step["signal"])
        steps.pop(0)

sys.stdout.buffer.write(shown)
print(f"\nexit {code}")
print("terminal restored" if termios.tcgetattr(terminal) == before else "terminal changed")
if code is None:
    os.kill(child, signal.SIGKILL)
if steps:
    print(f"never came: {steps[0]}")
