// A key of this process, and a certificate for localhost that it has signed itself (RFC 5280). No program trusts it; the tests'
// browser is told not to mind.

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** DER (X.690): a tag, the length of what follows, and that. */
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  // As short as it can be said: browsers take nothing else.
  const { length } = content;
  const said = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...said]), content]);
}

const SEQUENCE = 0x30;
const sequence = (...parts) => der(SEQUENCE, ...parts);
const oid = (...bytes) => der(0x06, Buffer.from(bytes));
const utcTime = (date) => der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]|\.\d+/g, "").slice(2, 14)}Z`));

/** `{ key, cert }`, as `tls.createServer` takes them. */
export function certificate() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
  const commonName = sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from("localhost")));
  const name = sequence(der(0x31, commonName));
  // Positive, and no two alike.
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(8)]);
  const day = 24 * 60 * 60 * 1000;
  const names = ["localhost", "*.localhost"].map((name) => der(0x82, Buffer.from(name)));
  const alternativeNames = sequence(oid(0x55, 0x1d, 0x11), der(0x04, sequence(...names)));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(utcTime(new Date(Date.now() - day)), utcTime(new Date(Date.now() + day))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(alternativeNames)),
  );
  const signature = der(0x03, Buffer.from([0]), sign("sha256", body, privateKey));
  const whole = sequence(body, ecdsaWithSha256, signature).toString("base64").match(/.{1,64}/g).join("\n");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    cert: `-----BEGIN CERTIFICATE-----\n${whole}\n-----END CERTIFICATE-----\n`,
  };
}
