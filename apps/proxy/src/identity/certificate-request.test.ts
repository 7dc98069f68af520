import "reflect-metadata"; // @peculiar/x509 resolves its parts through it
import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, webcrypto } from "node:crypto";
import { test } from "node:test";
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from "@peculiar/x509";
import fc from "fast-check";
import { createCertificateRequest } from "./certificate-request.ts";

const names = fc.string({ minLength: 1, maxLength: 64, unit: "grapheme-ascii" });
const uris = fc
  .array(fc.stringMatching(/^[a-z0-9-]{1,63}$/), { minLength: 4, maxLength: 6 })
  .map((parts) => `spiffe://${parts.join("/")}`);

test("another implementation reads the request, its names and its signature", async () => {
  await fc.assert(
    fc.asyncProperty(names, fc.option(uris, { nil: undefined }), async (name, uri) => {
      const { csrPem } = await createCertificateRequest(name, uri);
      const request = new Pkcs10CertificateRequest(csrPem);
      assert.equal(await request.verify(webcrypto), true);
      assert.deepEqual(request.subjectName.toJSON(), [
        { CN: [name.replaceAll(/[^A-Za-z0-9._-]/g, "-")] },
      ]);
      const extension = request.extensions.find(
        (one) => one instanceof SubjectAlternativeNameExtension,
      );
      const found = extension?.names.items.map(({ type, value }) => [type, value]);
      assert.deepEqual(found, uri === undefined ? undefined : [["url", uri]]);
    }),
    { numRuns: 60 },
  );
});

test("each request is for a new key, and shows its public half only", async () => {
  const [one, another] = await Promise.all([
    createCertificateRequest("a", "spiffe://x/ns/n/sa/a"),
    createCertificateRequest("a", "spiffe://x/ns/n/sa/a"),
  ]);
  assert.notEqual(one.keyPem, another.keyPem);
  const publicKey = createPublicKey(createPrivateKey(one.keyPem));
  const shown = new Pkcs10CertificateRequest(one.csrPem).publicKey;
  assert.deepEqual(Buffer.from(shown.rawData), publicKey.export({ type: "spki", format: "der" }));
});
