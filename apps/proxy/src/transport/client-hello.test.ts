import assert from "node:assert/strict";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { connect } from "node:tls";
import fc from "fast-check";
import { MAX_CLIENT_HELLO_BYTES, readClientHello } from "./client-hello.ts";

/** What Node's own client (OpenSSL) sends first. */
async function helloOf(servername: string | undefined, protocols: string[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(part: Buffer, _encoding, done) {
      parts.push(part);
      done();
      this.emit("sent");
    },
  });
  const sent = once(wire, "sent");
  const client = connect({
    socket: wire,
    ...(servername !== undefined && { servername }),
    ...(protocols.length > 0 && { ALPNProtocols: protocols }),
  });
  client.on("error", () => {});
  await sent;
  client.destroy();
  return Buffer.concat(parts);
}

const read = (bytes: Buffer) => readClientHello(bytes, 0, bytes.length);

/** The same message in records of `size` bytes each. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

const hello = await helloOf("Db.Example.com", ["h2", "http/1.1"]);
const expected = { serverName: "db.example.com", protocols: ["h2", "http/1.1"] };

test("reads server name and protocols of a real client's hello", async () => {
  assert.deepEqual(read(hello), expected);
  assert.deepEqual(read(await helloOf(undefined, [])), { serverName: undefined, protocols: [] });
});

test("asks for more at every cut, and says nothing until the hello is whole", () => {
  for (let end = 0; end < hello.length; end++) {
    assert.equal(readClientHello(hello, 0, end), "more", `cut at ${end}`);
  }
});

test("reads a hello that starts in the middle of a buffer", () => {
  const shifted = Buffer.concat([Buffer.alloc(7, 0xff), hello, Buffer.alloc(3)]);
  assert.deepEqual(readClientHello(shifted, 7, 7 + hello.length), expected);
});

test("reads a hello spread over any number of records, whatever their size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 600 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (size, cut) => {
        const spread = inRecords(hello, size);
        assert.deepEqual(read(spread), expected);
        const end = Math.floor(cut * (spread.length - 1));
        assert.equal(readClientHello(spread, 0, end), "more");
      },
    ),
  );
});

test("meets any bytes with a value, more or not TLS", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (any) => {
      const answer = read(Buffer.from(any));
      return answer === "more" || answer === "not TLS" || Array.isArray(answer.protocols);
    }),
  );
});

test("meets a hello with any byte changed without a throw or an unclean name", () => {
  fc.assert(
    fc.property(fc.nat(hello.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(hello);
      changed[at] = byte;
      const answer = read(changed);
      if (typeof answer === "string") return true;
      return answer.serverName === undefined || /^[a-z0-9_.-]+$/.test(answer.serverName);
    }),
    { numRuns: 2_000 },
  );
});

test("does not wait for a hello that is longer than allowed", () => {
  const long = Buffer.alloc(MAX_CLIENT_HELLO_BYTES + 10);
  long.set([22, 3, 1, 0x40, 0x00, 1, 0, 0x3f, 0xfc]);
  assert.equal(read(long), "not TLS");
  assert.equal(read(Buffer.from([22, 3, 1, 0x02, 0x00, 1, 0x01, 0, 0])), "not TLS");
});

const refusals: Readonly<Record<string, Buffer>> = {
  "plain text": Buffer.from("GET / HTTP/1.1\r\n"),
  "another record type": Buffer.from([23, 3, 3, 0, 5]),
  "another major version": Buffer.from([22, 2, 0]),
  "an empty record": Buffer.from([22, 3, 1, 0, 0]),
  "a record that is too long": Buffer.from([22, 3, 1, 0x40, 0x01]),
  "another handshake message": Buffer.from([22, 3, 1, 0, 5, 2]),
  "bytes behind the hello in its record": (() => {
    const more = Buffer.concat([hello, Buffer.from([0])]);
    more.writeUInt16BE(hello.length - 5 + 1, 3);
    return more;
  })(),
};
for (const [what, bytes] of Object.entries(refusals)) {
  test(`takes ${what} for no TLS`, () => assert.equal(read(bytes), "not TLS"));
}
