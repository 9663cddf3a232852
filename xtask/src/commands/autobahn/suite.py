"""Runs the Autobahn test suite for WebSocket, which is written in Python 2, with Python 3.

    suite.py convert SOURCE OUT     makes the package in SOURCE one for Python 3, in OUT
    suite.py client OUT URL CASES   tests the server at URL: prints a JSON object of case to outcome
    suite.py server OUT CASES       is what a client is tested against: prints its address, later the same

Where the suite has a string of bytes, Python 3 would have text. Here it stays text, one character a byte (Latin-1), up
to where the autobahn library takes it: `Octets` translates there.
"""

import json
import os
import pathlib
import re
import subprocess
import sys

# What is not needed for the cases, or cannot be used without other libraries.
LEFT_OUT = re.compile(r"wamp|wsperf|massconnect|serializer|testee|echo|broadcast|wstest|choosereactor|spectemplate")
# What Python 3 reads otherwise and no converter knows.
REWRITTEN = [
    (re.compile(r"^#.*coding[:=].*$", re.M), "#"),
    (re.compile(r"import binascii"), "from autobahntestsuite import latin1 as binascii"),
    (re.compile(r"os, json, binascii, time"), "os, json, time"),
    (re.compile(r"v\.validate\(vss\[:i\]\)"), "v.validate(vss[:i].encode('latin-1'))"),
    (re.compile(r"(len\(self\.payload\)) / "), r"\1 // "),
    (re.compile(r", debug = debug, debugCodePaths = debug"), ""),
    (re.compile(r"beginMessage\(opcode = WebSocketProtocol.MESSAGE_TYPE_TEXT\)"), "beginMessage()"),
    (re.compile(r"\(object, Case, ?\)"), "(Case,)"),
    (re.compile(r"(accept|request)NoContextTakeover"), r"\1_no_context_takeover"),
    (re.compile(r"(accept|request)MaxWindowBits"), r"\1_max_window_bits"),
    (re.compile(r"from zope.interface import implements"), ""),
    (re.compile(r"implements\(interfaces.IPushProducer\)"), "pass"),
]
LATIN1 = """import binascii
def b2a_hex(data):
    return binascii.b2a_hex(data.encode('latin-1') if isinstance(data, str) else data).decode()
"""


def convert(source, out):
    package = pathlib.Path(out) / "autobahntestsuite"
    for file in pathlib.Path(source).rglob("*"):
        target = package / file.relative_to(source)
        if file.is_dir() or LEFT_OUT.search(file.name) and file.suffix == ".py":
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix != ".py":
            target.write_bytes(file.read_bytes())
            continue
        text = file.read_text("latin-1")
        for pattern, replacement in REWRITTEN:
            text = pattern.sub(replacement, text)
        target.write_text(text, "utf-8")
    fuzzing = package / "fuzzing.py"
    fuzzing.write_text("from autobahntestsuite import latin1 as binascii\n" + fuzzing.read_text("utf-8"), "utf-8")
    subprocess.run(
        [sys.executable, "-m", "fissix", "--write", "--nobackups", "--no-diffs", str(package)],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    (package / "latin1.py").write_text(LATIN1)
    (package / "__init__.py").write_text("version = 'converted'\n")


def octets(data):
    return data.encode("latin-1") if isinstance(data, str) else data


def letters(data):
    return data.decode("latin-1") if isinstance(data, bytes) else data


def octets_for(name, *places):
    """A method of the autobahn library, given text where it takes bytes: as argument number or name `places`."""

    def method(self, *arguments, **named):
        arguments = [octets(value) if n in places else value for n, value in enumerate(arguments)]
        named = {key: octets(value) if key in places else value for key, value in named.items()}
        return getattr(super(self.mixed_into, self), name)(*arguments, **named)

    return method


def bridge(fuzzing):
    """Puts the translation between the suite's protocol and the library's."""
    suite = fuzzing.FuzzingProtocol

    class Octets:
        debug = False
        sendFrame = octets_for("sendFrame", 1, "payload")
        sendMessage = octets_for("sendMessage", 0, "payload")
        sendMessageFrame = octets_for("sendMessageFrame", 0, "payload")
        sendMessageFrameData = octets_for("sendMessageFrameData", 0, "payload")
        sendCloseFrame = octets_for("sendCloseFrame", 1, "reasonUtf8")

        def sendClose(self, code=None, reason=None):
            # The library would refuse the codes that some cases are about.
            self.sendCloseFrame(code=code, reasonUtf8=reason)

    Octets.mixed_into = Octets

    def translated(name):
        original = getattr(suite, name)
        setattr(suite, name, lambda self, data, *rest: original(self, letters(data), *rest))

    for name in ("onMessage", "onPong", "logRxOctets", "logTxOctets"):
        translated(name)
    rx, tx = suite.logRxFrame, suite.logTxFrame
    suite.logRxFrame = lambda self, header, payload: rx(self, header, [letters(part) for part in payload])
    suite.logTxFrame = lambda self, header, payload, *rest: tx(self, header, letters(payload), *rest)
    fuzzing.asciiLogData = lambda data, maxlen=64, replace=False: data[:maxlen]

    for name in ("FuzzingClientProtocol", "FuzzingServerProtocol"):
        old = getattr(fuzzing, name)
        bases = (old.__bases__[0], Octets, old.__bases__[1])
        new = type(name, bases, {key: value for key, value in vars(old).items() if key not in ("__dict__", "__weakref__")})
        setattr(fuzzing, name, new)
    fuzzing.FuzzingServerFactory.protocol = fuzzing.FuzzingServerProtocol


def outcomes(factory):
    """Of the only agent: case to [behaviour, behaviour at the end, close code of the peer]."""
    for cases in factory.agents.values():
        return {
            case: [result["behavior"], result["behaviorClose"], result["remoteCloseCode"]]
            for case, result in cases.items()
        }
    return {}


def run(mode, out, cases, url):
    sys.path.insert(0, out)
    # What the suite says along the way is not the result, and a thousand lines.
    results, sys.stdout = sys.stdout, open(os.devnull, "w")
    from twisted.internet import reactor

    from autobahntestsuite import fuzzing

    bridge(fuzzing)
    made = []
    fuzzing.FuzzingFactory.createReports = lambda self: made.append(self)
    spec = {"cases": cases.split(","), "exclude-cases": [], "exclude-agent-cases": {}, "options": {}}
    if mode == "client":
        spec["servers"] = [{"agent": "tested", "url": url}]
        fuzzing.startClient(spec)
    else:
        spec["url"] = "ws://127.0.0.1:9001"
        factory = fuzzing.FuzzingServerFactory(spec)
        fuzzing.FuzzingFactory.createReports = lambda self: (made.append(self), reactor.callLater(0.5, reactor.stop))
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        print(f"127.0.0.1:{port.getHost().port}", file=results, flush=True)
    reactor.run()
    json.dump(outcomes(made[0]) if made else {}, results)
    results.flush()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["convert", source, out]:
            convert(source, out)
        case ["client", out, url, cases]:
            run("client", out, cases, url)
        case ["server", out, cases]:
            run("server", out, cases, None)
        case _:
            sys.exit(__doc__)
