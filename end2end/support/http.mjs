// Requests by name: every host ending in `localhost` is this machine, whatever its resolver thinks of that.

import http from "node:http";

/** Sends a request; `{ status, headers, body }` with the body as text. */
export function request(url, { method = "GET", headers = {}, body } = {}) {
  const { hostname, port, pathname, search } = new URL(url);
  if (!hostname.endsWith("localhost")) throw new Error(`${hostname} is not this machine`);
  const options = { host: "127.0.0.1", port, method, path: pathname + search, agent: false };
  return new Promise((resolve, reject) => {
    const request = http.request({ ...options, headers: { host: `${hostname}:${port}`, ...headers } });
    request.setTimeout(20_000, () => request.destroy(new Error(`${method} ${url} was not answered in 20 s`)));
    request.once("error", reject);
    request.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => (text += part));
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
    });
    request.end(body);
  });
}

/** Sends JSON and returns the answer's JSON; anything but success is an error. */
export async function json(url, { method = "GET", token, body } = {}) {
  const headers = { accept: "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const answer = await request(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.status >= 300) throw new Error(`${method} ${url}: ${answer.status} ${answer.body}`);
  return answer.body ? JSON.parse(answer.body) : undefined;
}
