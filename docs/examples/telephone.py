"""A telephone of version 1.0 (docs/protocol.md) for the web server at HOST:PORT. Needs `websockets` 10 or newer.
TELEPHONE_TOKEN=sbt_... python3 telephone.py localhost:3000 wss://switchboard.example.com/tunnel [SUBDOMAIN]"""
import asyncio, base64, contextlib, http.client, json, os, sys, websockets
host, server, subdomain = (sys.argv[1:] + [None])[:3]
init = {"version": "1.0", "token": os.environ["TELEPHONE_TOKEN"], "local_url": "http://" + host, "subdomain": subdomain,
        "services": json.loads(os.getenv("TELEPHONE_SERVICES", "[]"))}  # such as [{"host": "shop.example.com"}]

def forward(request):
    try:
        with contextlib.closing(http.client.HTTPConnection(host, timeout=100)) as local:
            path = request["path"] + ("?" + request["query"] if request["query"] else "")
            local.putrequest(request["method"], path, skip_host=True, skip_accept_encoding=True)
            for name, values in request["headers"].items():
                for value in [values] if isinstance(values, str) else values:
                    local.putheader(name, value)
            local.endheaders(base64.b64decode(request["body"]))
            response = local.getresponse()
            headers = {name: response.headers.get_all(name) for name in response.headers}
            body = base64.b64encode(response.read(8 * 2**20 + 1)).decode()  # what is too long becomes a clear 502
        return {"type": "http_response", "status": response.status, "headers": headers, "body": body}
    except (OSError, ValueError, http.client.HTTPException) as error:
        return {"type": "http_error", "error": "local_unreachable", "message": f"{host}: {error!r}"}

async def answer(socket, message):
    if message["type"] == "ping":
        await socket.send(json.dumps({"type": "pong", "timestamp": message["timestamp"]}))
    elif message["type"] == "http_request":
        await socket.send(json.dumps({"request_id": message["request_id"], **await asyncio.to_thread(forward, message)}))

async def main(tasks=()):
    async for socket in websockets.connect(server, max_size=12 * 2**20):
        with contextlib.suppress(websockets.ConnectionClosed):
            await socket.send(json.dumps({"type": "init", **init}))
            print(await socket.recv(), await socket.recv(), sep="\n", flush=True)  # the challenge; address or refusal
            await socket.send(json.dumps({"type": "ready"}))
            async for text in socket:
                tasks = [*(t for t in tasks if not t.done()), asyncio.create_task(answer(socket, json.loads(text)))]
        await asyncio.sleep(1)
asyncio.run(main())
